package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func deleteCommand(s *Session) *cobra.Command {
	var options kind.DeleteOptions
	command := &cobra.Command{
		Use:     "delete KIND ID or NAME ...",
		Aliases: []string{"rm"},
		Short:   "Forget resources",
		Long: `Forget resources. What still runs is stopped first.

Deleting an experiment leaves its runs; deleting an artifact leaves the file it
stands for; a pipeline goes only when it has no versions, or with --cascade. The
artifacts of a run stay unless --artifacts is given, and those that other runs
reuse stay in any case.`,
		Example: `  kfmesh delete run 9f2a1c3e 0b1d22aa
  kfmesh delete run last --artifacts
  kfmesh delete pipeline breast-cancer --cascade`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(nil),
		RunE: func(command *cobra.Command, args []string) error {
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
	command.Flags().BoolVar(&options.Cascade, "cascade", false, "delete a pipeline's versions too")
	command.Flags().BoolVar(&options.Artifacts, "artifacts", false, "delete what a run wrote too, but for what other runs reuse")
	return command
}
