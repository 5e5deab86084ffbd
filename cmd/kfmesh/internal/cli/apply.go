package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
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
	files  []string
	format output.Format
	dryRun string

	unsatisfiable string
}

func applyCommand(s *Session) *cobra.Command {
	o := &applyOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:   "apply -f FILE or DIR or -",
		Short: "Have training jobs be as manifests say",
		Long: `Have training jobs be as manifests say: those that are missing are made, those that
are otherwise changed. Manifests are those of Kubeflow's kinds, in YAML or JSON, any
number in a file: TFJob, PyTorchJob, MXJob, XGBoostJob, MPIJob, PaddleJob, JAXJob,
TrainJob. The runtimes of TrainJobs are applied as well: ClusterTrainingRuntime,
TrainingRuntime. So are PriorityClass, and WorkloadPriorityClass of Kueue.

The server checks them. What it does not know, or cannot honour, it warns of.`,
		Example: `  kfmesh apply -f pytorchjob.yaml
  kfmesh apply -f jobs/ --dry-run=server
  cat job.yaml | kfmesh apply -f - -o name`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return s.apply(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringArrayVarP(&o.files, "filename", "f", nil, "`file` or directory of manifests, or - for standard input; may be repeated")
	flags.VarP(&o.format, "output", "o", "how to print what was applied: table, json, yaml or name")
	flags.StringVar(&o.dryRun, "dry-run", "none", "none, or `server` to have everything checked and nothing changed")
	flags.StringVar(&o.unsatisfiable, "when-unsatisfiable", "", "`what` jobs do that ask for more than there is: wait, or fail; without it, what they say themselves")
	return command
}

func (s *Session) apply(ctx context.Context, o *applyOptions) error {
	if o.dryRun != "none" && o.dryRun != "server" {
		return fault.Invalidf("--dry-run", "is %q; give none or server", o.dryRun)
	}
	all, err := manifest.Read(o.files, s.Term.In)
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
	var errs []error
	var applied []proto.Message
	for _, m := range all {
		switch {
		case m.Kind == "ClusterTrainingRuntime" || m.Kind == "TrainingRuntime":
			errs = append(errs, s.applyRuntime(ctx, c, m, o.dryRun == "server"))
		case isPriorityClass(m):
			errs = append(errs, s.applyPriorityClass(ctx, c, m, o.dryRun == "server"))
		default:
			job, err := s.applyJob(ctx, c, m, o)
			if err == nil {
				applied = append(applied, job)
			}
			errs = append(errs, err)
		}
	}
	if o.format.Document() || o.format == output.FormatName {
		errs = append(errs, s.show(o.format, kind.Jobs(), applied, len(all) > 1))
	}
	return joined(errs)
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

// applyJob has a job be as a manifest says, and tells.
func (s *Session) applyJob(ctx context.Context, c *client.Client, m manifest.Manifest, o *applyOptions) (*trainingv1.TrainingJob, error) {
	dry := o.dryRun == "server"
	job, did, err := s.applyOne(ctx, c, m, dry)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Place, err)
	}
	for _, warning := range job.GetWarnings() {
		fmt.Fprintf(s.Term.Err, "Warning: %s\n", output.Clean(warning))
	}
	if o.format == output.FormatTable || o.format == output.FormatWide {
		if dry {
			did += " (server dry run)"
		}
		fmt.Fprintf(s.Term.Out, "%s %s\n", kind.Jobs().ID(job), did)
	}
	return job, nil
}

// applyOne makes a job, or changes the one of its name.
func (s *Session) applyOne(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) (job *trainingv1.TrainingJob, did string, err error) {
	job, err = c.Jobs.CreateTrainingJob(ctx, &trainingv1.CreateTrainingJobRequest{Namespace: s.namespaceOf(m), Manifest: m.JSON, DryRun: dry})
	if !fault.Is(err, fault.AlreadyExists) {
		return job, "created", err
	}
	before, err := c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: s.namespaceOf(m), Kind: m.Kind, Name: m.Name})
	if err != nil {
		return nil, "", err
	}
	job, err = c.Jobs.UpdateTrainingJob(ctx, &trainingv1.UpdateTrainingJobRequest{
		Namespace: s.namespaceOf(m), Name: m.Name, Manifest: m.JSON, DryRun: dry,
	})
	if err != nil {
		return nil, "", err
	}
	if job.GetManifest() == before.GetManifest() {
		return job, "unchanged", nil
	}
	return job, "configured", nil
}

// applyRuntime makes a runtime of TrainJobs, or changes the one of its name.
func (s *Session) applyRuntime(ctx context.Context, c *client.Client, m manifest.Manifest, dry bool) error {
	namespace, did := "", "created"
	if m.Kind == "TrainingRuntime" {
		namespace = s.namespaceOf(m)
	}
	r, err := c.Runtimes.CreateTrainingRuntime(ctx, &trainingv1.CreateTrainingRuntimeRequest{Namespace: namespace, Manifest: m.JSON, DryRun: dry})
	if fault.Is(err, fault.AlreadyExists) {
		did = "configured"
		r, err = c.Runtimes.UpdateTrainingRuntime(ctx, &trainingv1.UpdateTrainingRuntimeRequest{
			Namespace: namespace, Name: m.Name, Manifest: m.JSON, DryRun: dry,
		})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", m.Place, err)
	}
	for _, warning := range r.GetWarnings() {
		fmt.Fprintf(s.Term.Err, "Warning: %s\n", output.Clean(warning))
	}
	fmt.Fprintf(s.Term.Out, "%s/%s %s\n", strings.ToLower(r.GetKind()), r.GetMetadata().GetName(), did)
	return nil
}

// namespaceOf is where a manifest's resource is: where it says itself, and otherwise
// where the command line says.
func (s *Session) namespaceOf(m manifest.Manifest) string {
	if m.Namespace != "" {
		return m.Namespace
	}
	return s.namespace
}
