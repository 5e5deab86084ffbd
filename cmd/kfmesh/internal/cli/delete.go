package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func deleteCommand(s *Session) *cobra.Command {
	var options kind.DeleteOptions
	var files []string
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
  kfmesh delete -f pytorchjob.yaml`,
		ValidArgsFunction: s.completeReference(nil),
		RunE: func(command *cobra.Command, args []string) error {
			if len(files) > 0 {
				return s.deleteFiles(command.Context(), files, args)
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
	command.Flags().StringArrayVarP(&files, "filename", "f", nil, "delete the jobs of a `file` or directory of manifests; may be repeated")
	command.Flags().BoolVar(&options.Cascade, "cascade", false, "delete a pipeline's versions too")
	command.Flags().BoolVar(&options.Artifacts, "artifacts", false, "delete what a run wrote too, but for what other runs reuse")
	return command
}

// deleteFiles deletes the jobs that manifests name. What is not there is no failure of
// the others.
func (s *Session) deleteFiles(ctx context.Context, files, args []string) error {
	if len(args) > 0 {
		return fault.Invalidf("--filename", "does not go with %q", args)
	}
	all, err := manifest.Read(files, s.Term.In)
	if err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range all {
		_, err := c.Jobs.DeleteTrainingJob(ctx, &trainingv1.DeleteTrainingJobRequest{Namespace: s.namespaceOf(m), Kind: m.Kind, Name: m.Name})
		if err == nil {
			fmt.Fprintf(s.Term.Out, "deleted job %s/%s\n", strings.ToLower(m.Kind), m.Name)
		}
		errs = append(errs, err)
	}
	return joined(errs)
}
