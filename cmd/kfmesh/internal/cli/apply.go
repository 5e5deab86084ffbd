package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	files     []string
	recursive bool
	format    output.Format
	dryRun    string

	unsatisfiable string
}

func applyCommand(s *Session) *cobra.Command {
	o := &applyOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "apply -f FILE or DIR or -",
		Short: "Have jobs, and what they need, be as manifests say",
		Long: `Have jobs, and what they need, be as manifests say: what is missing is made, what is
otherwise is changed. Manifests are those of Kubernetes, in YAML or JSON, any number in a
file:

  jobs      TFJob, PyTorchJob, MXJob, XGBoostJob, MPIJob, PaddleJob, JAXJob, TrainJob
  runtimes  ClusterTrainingRuntime, TrainingRuntime
  the rest  ConfigMap, Secret, PersistentVolumeClaim (a volume), PriorityClass,
            WorkloadPriorityClass (of Kueue), Namespace

What others refer to is applied before them, whatever the order in the files. The server
checks everything; what it does not know, or cannot honour, it warns of.`,
		Example: `  kfmesh apply -f pytorchjob.yaml
  kfmesh apply -f jobs/ -R --dry-run=server
  kfmesh apply -f https://example.com/pytorchjob.yaml
  cat job.yaml | kfmesh apply -f - -o name`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return s.apply(command.Context(), o) },
	}
	flags := command.Flags()
	bindFiles(flags, &o.files, &o.recursive, "what to apply")
	flags.VarP(&o.format, "output", "o", "how to print what was applied: table, json, yaml or name")
	flags.StringVar(&o.dryRun, "dry-run", "none", "none, or `server` to have everything checked and nothing changed")
	flags.StringVar(&o.unsatisfiable, "when-unsatisfiable", "", "`what` jobs do that ask for more than there is: wait, or fail; without it, what they say themselves")
	return command
}

// bindFiles adds the flags that name manifests.
func bindFiles(flags *pflag.FlagSet, files *[]string, recursive *bool, what string) {
	flags.StringArrayVarP(files, "filename", "f", nil, what+": a `file`, a directory, a URL, or - for standard input; may be repeated")
	flags.BoolVarP(recursive, "recursive", "R", false, "take the manifests in directories below as well")
}

func (s *Session) apply(ctx context.Context, o *applyOptions) error {
	if o.dryRun != "none" && o.dryRun != "server" {
		return fault.Invalidf("--dry-run", "is %q; give none or server", o.dryRun)
	}
	all, err := manifest.Read(ctx, manifest.Source{Names: o.files, Recursive: o.recursive, Stdin: s.Term.In})
	if err != nil {
		return err
	}
	if err := whenUnsatisfiable(all, o.unsatisfiable); err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b manifest.Manifest) int { return rank(a) - rank(b) })
	var errs []error
	var messages []proto.Message
	for _, m := range all {
		done, err := s.applierOf(m)(ctx, c, m, o.dryRun == "server")
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", m.Place, err))
			continue
		}
		for _, warning := range done.warnings {
			fmt.Fprintf(s.Term.Err, "Warning: %s\n", output.Clean(warning))
		}
		if done.message != nil {
			messages = append(messages, done.message)
		}
		errs = append(errs, s.sayApplied(o, done))
	}
	if o.format.Document() {
		errs = append(errs, output.Messages(s.Term.Out, o.format, messages, len(all) > 1))
	}
	return joined(errs)
}

// applied is what became of a manifest.
type applied struct {
	id       string // such as pytorchjob/mnist
	did      string // created, configured or unchanged
	warnings []string
	message  proto.Message // as it is now; nil when there is nothing to show
}

// sayApplied says what became of a manifest, unless documents are wanted.
func (s *Session) sayApplied(o *applyOptions, a applied) error {
	var err error
	switch {
	case o.format.Document():
	case o.format == output.FormatName:
		_, err = fmt.Fprintln(s.Term.Out, a.id)
	case o.dryRun == "server":
		_, err = fmt.Fprintf(s.Term.Out, "%s %s (server dry run)\n", a.id, a.did)
	default:
		_, err = fmt.Fprintf(s.Term.Out, "%s %s\n", a.id, a.did)
	}
	return err
}

// rank is the place of a manifest among those that are applied together: what others refer
// to comes first.
func rank(m manifest.Manifest) int {
	switch m.Kind {
	case "Namespace":
		return 0
	case "PriorityClass", "WorkloadPriorityClass", "ConfigMap", "Secret", "PersistentVolumeClaim":
		return 1
	case "ClusterTrainingRuntime", "TrainingRuntime":
		return 2
	}
	return 3
}

// applier makes what a manifest says, or changes it; with dry it only says what it would do.
type applier func(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error)

// applierOf is what applies a manifest of a kind.
func (s *Session) applierOf(m manifest.Manifest) applier {
	switch m.Kind {
	case "ClusterTrainingRuntime", "TrainingRuntime":
		return s.applyRuntime
	case "PriorityClass", "WorkloadPriorityClass": // of Kubernetes, and of Kueue
		return s.applyPriorityClass
	case "ConfigMap":
		return s.applyConfigMap
	case "Secret":
		return s.applySecret
	case "PersistentVolumeClaim":
		return s.applyClaim
	case "Namespace":
		return applyNamespace
	}
	return s.applyJob
}

// joined is several errors as one; of one, itself, so that its kind tells the exit
// status.
func joined(errs []error) error {
	var all []error
	for _, err := range errs {
		if err != nil {
			all = append(all, err)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	return errors.Join(all...)
}

// applyJob makes a job, or changes the one of its name.
func (s *Session) applyJob(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	job, err := c.Jobs.CreateTrainingJob(ctx, &trainingv1.CreateTrainingJobRequest{Namespace: s.namespaceOf(m), Manifest: m.JSON, DryRun: dry})
	did := didCreate
	if fault.Is(err, fault.AlreadyExists) {
		var before *trainingv1.TrainingJob
		before, err = c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: s.namespaceOf(m), Kind: m.Kind, Name: m.Name})
		if err != nil {
			return applied{}, err
		}
		job, err = c.Jobs.UpdateTrainingJob(ctx, &trainingv1.UpdateTrainingJobRequest{
			Namespace: s.namespaceOf(m), Name: m.Name, Manifest: m.JSON, DryRun: dry,
		})
		did = changedOr(job.GetManifest() == before.GetManifest())
	}
	if err != nil {
		return applied{}, err
	}
	return applied{id: kind.Jobs().ID(job), did: did, warnings: job.GetWarnings(), message: job}, nil
}

// applyRuntime makes a runtime of TrainJobs, or changes the one of its name.
func (s *Session) applyRuntime(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (applied, error) {
	namespace, did := "", didCreate
	if m.Kind == "TrainingRuntime" {
		namespace = s.namespaceOf(m)
	}
	r, err := c.Runtimes.CreateTrainingRuntime(ctx, &trainingv1.CreateTrainingRuntimeRequest{Namespace: namespace, Manifest: m.JSON, DryRun: dry})
	if fault.Is(err, fault.AlreadyExists) {
		var before *trainingv1.TrainingRuntime
		if before, err = c.Runtimes.GetTrainingRuntime(ctx, &trainingv1.GetTrainingRuntimeRequest{Namespace: namespace, Name: m.Name}); err != nil {
			return applied{}, err
		}
		r, err = c.Runtimes.UpdateTrainingRuntime(ctx, &trainingv1.UpdateTrainingRuntimeRequest{
			Namespace: namespace, Name: m.Name, Manifest: m.JSON, DryRun: dry,
		})
		did = changedOr(r.GetManifest() == before.GetManifest())
	}
	if err != nil {
		return applied{}, err
	}
	return applied{id: strings.ToLower(r.GetKind()) + "/" + r.GetMetadata().GetName(), did: did, warnings: r.GetWarnings(), message: r}, nil
}

// namespaceOf is where a manifest's resource is: where it says itself, and otherwise
// where the command line says.
func (s *Session) namespaceOf(m manifest.Manifest) string {
	if m.Namespace != "" {
		return m.Namespace
	}
	return s.namespace
}
