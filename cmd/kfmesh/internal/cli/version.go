package cli

import (
	"context"
	"fmt"
	"runtime"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// versions is what `kfmesh version` knows.
type versions struct {
	Client   string `json:"client"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Server is the version of the agents, which are what a user meets of a
	// server; empty when nothing answers.
	Server string `json:"server,omitempty"`
}

func versionCommand(s *Session) *cobra.Command {
	format := output.FormatTable
	clientOnly := false
	command := &cobra.Command{
		Use:     "version",
		Short:   "Print the version of this program and of the server",
		Example: "  kfmesh version\n  kfmesh version --client -o json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			v := versions{Client: s.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			var unreachable error
			if !clientOnly {
				v.Server, unreachable = s.serverVersion(command.Context())
			}
			if format.Document() {
				return output.Value(s.Term.Out, format, v)
			}
			fmt.Fprintf(s.Term.Out, "client  %s (%s, %s)\n", v.Client, v.Go, v.Platform)
			switch {
			case unreachable != nil:
				fmt.Fprintf(s.Term.Out, "server  none: %v\n", unreachable)
			case v.Server != "":
				fmt.Fprintf(s.Term.Out, "server  %s at %s\n", v.Server, s.server)
			}
			return nil
		},
	}
	command.Flags().BoolVar(&clientOnly, "client", false, "do not ask the server")
	command.Flags().VarP(&format, "output", "o", "how to print: table, json or yaml")
	return command
}

// serverVersion is the version of the head's own agent, or else of the first node's.
func (s *Session) serverVersion(ctx context.Context) (string, error) {
	c, err := s.client(ctx)
	if err != nil {
		return "", err
	}
	nodes, err := c.Nodes.ListNodes(ctx, &gpuagentv1.ListNodesRequest{})
	if err != nil {
		return "", err
	}
	all := nodes.GetNodes()
	if i := slices.IndexFunc(all, func(n *gpuagentv1.Node) bool { return n.GetStatus().GetAgentAddress() == "" }); i >= 0 {
		return all[i].GetStatus().GetAgentVersion(), nil
	}
	for _, node := range all {
		return node.GetStatus().GetAgentVersion(), nil
	}
	return "", fmt.Errorf("no node has reported to %s yet", s.server)
}
