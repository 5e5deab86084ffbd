package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func deleteCommand(s *Session) *cobra.Command {
	var options kind.DeleteOptions
	var from manifest.Source
	var ignoreMissing bool
	command := &cobra.Command{
		Use:     "delete KIND ID or NAME ... | -f FILE",
		Aliases: []string{"rm"},
		Short:   "Forget resources",
		Long: `Forget resources. What still runs is stopped first.

Deleting an experiment leaves its runs; deleting an artifact leaves the file it
stands for; a pipeline goes only when it has no versions, or with --cascade. The
artifacts of a run stay unless --artifacts is given, and those that other runs
reuse stay in any case.`,
		Example: `  kfmesh delete run 9f2a1c3e 0b1d22aa
  kfmesh delete run last --artifacts
  kfmesh delete pipeline breast-cancer --cascade
  kfmesh delete -f pytorchjob.yaml --ignore-not-found`,
		ValidArgsFunction: s.completeReference(nil),
		RunE: func(command *cobra.Command, args []string) error {
			if len(from.Names) > 0 {
				return s.deleteFiles(command.Context(), from, args, ignoreMissing)
			}
			if err := cobra.MinimumNArgs(1)(command, args); err != nil {
				return err
			}
			k, refs, err := parseReferences(args, nil)
			if err != nil {
				return err
			}
			if k.Delete == nil {
				return fault.Invalidf("", "%s cannot be deleted", k.Plural)
			}
			if options.Artifacts && k.Singular != kind.Runs().Singular {
				return fault.Invalidf("--artifacts", "goes with runs")
			}
			do := func(ctx context.Context, c *client.Client, m proto.Message) error {
				return k.Delete(ctx, c, m, options)
			}
			return s.change(command.Context(), k, refs, "deleted", do)
		},
	}
	bindFiles(command.Flags(), &from.Names, &from.Recursive, "manifests whose jobs, secrets and so on are to be deleted")
	command.Flags().BoolVar(&ignoreMissing, "ignore-not-found", false, "with -f: what is not there is no failure")
	command.Flags().BoolVar(&options.Cascade, "cascade", false, "delete a pipeline's versions too")
	command.Flags().BoolVar(&options.Artifacts, "artifacts", false, "delete what a run wrote too, but for what other runs reuse")
	return command
}

// deleteFiles deletes what manifests name, in the reverse of the order in which it is
// applied. What is not there is no failure of the others.
func (s *Session) deleteFiles(ctx context.Context, from manifest.Source, args []string, ignoreMissing bool) error {
	if len(args) > 0 {
		return fault.Invalidf("--filename", "does not go with %q", args)
	}
	from.Stdin = s.Term.In
	all, err := manifest.Read(ctx, from)
	if err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b manifest.Manifest) int { return rank(b) - rank(a) })
	var errs []error
	for _, m := range all {
		if m.Kind == "Namespace" { // which goes with the last that is in it
			continue
		}
		what, err := s.deleteOne(ctx, c, m)
		switch {
		case err == nil:
			fmt.Fprintf(s.Term.Out, "deleted %s/%s\n", what, m.Name)
		case !ignoreMissing || !fault.Is(err, fault.NotFound):
			errs = append(errs, fmt.Errorf("%s: %w", m.Place, err))
		}
	}
	return joined(errs)
}

// deleteOne deletes what a manifest names, and returns what that is called.
func (s *Session) deleteOne(ctx context.Context, c *client.Client, m manifest.Manifest) (what string, err error) {
	what, namespace := strings.ToLower(m.Kind), s.namespaceOf(m)
	switch m.Kind {
	case "ConfigMap":
		_, err = c.ConfigMaps.DeleteConfigMap(ctx, &gpuagentv1.DeleteConfigMapRequest{Namespace: namespace, Name: m.Name})
	case "Secret":
		_, err = c.Secrets.DeleteSecret(ctx, &gpuagentv1.DeleteSecretRequest{Namespace: namespace, Name: m.Name})
	case "PersistentVolumeClaim":
		_, err = c.Volumes.DeleteVolume(ctx, &gpuagentv1.DeleteVolumeRequest{Namespace: namespace, Name: m.Name})
	case "PriorityClass", "WorkloadPriorityClass":
		_, err = c.PriorityClasses.DeletePriorityClass(ctx, &gpuagentv1.DeletePriorityClassRequest{Name: m.Name})
	case "ClusterTrainingRuntime":
		_, err = c.Runtimes.DeleteTrainingRuntime(ctx, &trainingv1.DeleteTrainingRuntimeRequest{Name: m.Name})
	case "TrainingRuntime":
		_, err = c.Runtimes.DeleteTrainingRuntime(ctx, &trainingv1.DeleteTrainingRuntimeRequest{Namespace: namespace, Name: m.Name})
	default:
		what = "job " + what
		_, err = c.Jobs.DeleteTrainingJob(ctx, &trainingv1.DeleteTrainingJobRequest{Namespace: namespace, Kind: m.Kind, Name: m.Name})
	}
	return what, err
}
