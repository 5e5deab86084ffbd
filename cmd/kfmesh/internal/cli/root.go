// Package cli is the command line: one file a command, each of which reads its
// arguments, asks a service over gRPC and prints what it answered.
//
// What the commands share is a Session. Results go to standard output, errors
// to standard error; the exit status is one of those in exit.go.
package cli

import (
	"context"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// defaultServer is where `kfmesh up` serves gRPC unless told otherwise.
const defaultServer = "127.0.0.1:9090"

// Session is what the commands of one invocation share.
type Session struct {
	Term    *output.Terminal
	Version string
	// Environ is the environment, as os.Environ gives it.
	Environ []string
	// Connect returns the clients for the server's address; tests give their own.
	Connect func(ctx context.Context, server string) (*client.Client, error)

	server    string
	namespace string
	running   bool // a command has begun: errors from here on are not about usage
}

// NewSession returns the session of a process.
func NewSession(version string) *Session {
	return &Session{Term: output.Standard(), Version: version, Environ: os.Environ(), Connect: connect}
}

// connect reaches every service through the one gRPC port of the gateway. The
// connections last as long as the process.
func connect(ctx context.Context, server string) (*client.Client, error) {
	if err := client.Probe(ctx, server); err != nil {
		return nil, err
	}
	mesh, err := rpc.NewDialed(map[string]string{"pipeline": server, "training": server, "metadata": server, "gpuagent": server, "mesh": server})
	if err != nil {
		return nil, err
	}
	return client.New(mesh), nil
}

// client connects to the server that --server names.
func (s *Session) client(ctx context.Context) (*client.Client, error) {
	return s.Connect(ctx, s.server)
}

// Execute runs the command line and returns the exit status.
func Execute(ctx context.Context, s *Session, args []string) int {
	root := Root(s)
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	return s.finish(ctx, command, err)
}

// Root is the command `kfmesh` with all commands below it.
func Root(s *Session) *cobra.Command {
	root := &cobra.Command{
		Use:   "kfmesh",
		Short: "Machine-learning pipelines on your own machines, in one binary",
		Long: `kfmesh runs Kubeflow pipelines and training jobs, and what belongs to them, on your own
machines.

Start it with "kfmesh up", then send it compiled pipelines with "kfmesh run" and manifests
of jobs with "kfmesh apply", or use the kfp SDK as you are used to:
kfp.Client(host="http://127.0.0.1:8080").

Exit status: 0 done, and what was followed or waited for succeeded; 1 failed, and what was
followed or waited for failed, was canceled or took too long; 2 wrong usage or bad input;
130 interrupted.`,
		Example: `  kfmesh up                               # serve on 127.0.0.1
  kfmesh run pipeline.yaml -p epochs=3 -f # run a pipeline and follow it
  kfmesh get runs                         # what ran
  kfmesh describe run last                # tasks, metrics, artifacts, failures
  kfmesh logs last --task train           # what a task printed
  kfmesh apply -f pytorchjob.yaml         # a training job
  kfmesh wait job/mnist                   # until it has ended`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRun:  func(*cobra.Command, []string) { s.running = true },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: false},
	}
	root.SetOut(s.Term.Out)
	root.SetErr(s.Term.Err)
	root.SetIn(s.Term.In)
	flags := root.PersistentFlags()
	flags.StringVar(&s.server, "server", s.setting("KFMESH_SERVER", defaultServer), "gRPC `address` of kfmesh (KFMESH_SERVER)")
	flags.StringVarP(&s.namespace, "namespace", "n", s.setting("KFMESH_NAMESPACE", ""), "namespace; empty means all in lists and where a name is looked up, \"default\" elsewhere (KFMESH_NAMESPACE)")
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Serve:"},
		&cobra.Group{ID: groupRun, Title: "Run pipelines and jobs:"},
		&cobra.Group{ID: groupLook, Title: "Look at and change what is there:"},
	)
	for id, commands := range map[string][]*cobra.Command{
		groupServe: {upCommand(s), agentCommand(s), tokenCommand(s), doctorCommand(s)},
		groupRun:   {runCommand(s), applyCommand(s), suspendCommand(s), resumeCommand(s), scaleCommand(s), createCommand(s), waitCommand(s), retryCommand(s), cloneCommand(s), uploadCommand(s)},
		groupLook: {
			getCommand(s), describeCommand(s), lineageCommand(s), compareCommand(s), logsCommand(s), cancelCommand(s),
			enableCommand(s), disableCommand(s), deleteCommand(s), modelsCommand(s), queueCommand(s), cacheCommand(s), gcCommand(s),
			topCommand(s), cordonCommand(s), uncordonCommand(s), drainCommand(s), taintCommand(s),
		},
	} {
		for _, c := range commands {
			c.GroupID = id
			root.AddCommand(c)
		}
	}
	root.AddCommand(versionCommand(s))
	return root
}

// Groups of commands in help.
const (
	groupServe = "serve"
	groupRun   = "run"
	groupLook  = "look"
)

// setting is the value of an environment variable, or a fallback.
func (s *Session) setting(name, fallback string) string {
	for _, entry := range s.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok && value != "" {
			return value
		}
	}
	return fallback
}
