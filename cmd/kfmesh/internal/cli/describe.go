package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func describeCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:     "describe KIND ID or NAME ...",
		Aliases: []string{"show"},
		Short:   "Tell all there is to know about a resource",
		Long: `Tell all there is to know about resources.

A run comes with its parameters, the tree of its tasks, its metrics and
artifacts, and what failed; an artifact with what it was made from and what was
made from it.

Kinds: ` + kindsHelp() + `.`,
		Example: `  kfmesh describe run last
  kfmesh describe artifact 42
  kfmesh describe pipeline breast-cancer
  kfmesh describe node/laptop`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(nil),
		RunE: func(command *cobra.Command, args []string) error {
			return s.describe(command, args)
		},
	}
}

func (s *Session) describe(command *cobra.Command, args []string) error {
	k, refs, err := parseReferences(args, nil)
	if err != nil {
		return err
	}
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	found, err := s.resolveAll(ctx, c, k, refs)
	if err != nil {
		return err
	}
	for i, m := range found {
		if i > 0 {
			fmt.Fprintln(s.Term.Out)
		}
		if err := k.Describe(ctx, c, s.Term, m); err != nil {
			return err
		}
	}
	return nil
}
