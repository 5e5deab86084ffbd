package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func enableCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:   "enable [KIND] ID or NAME ...",
		Short: "Let recurring runs make runs again",
		Long: `Let recurring runs make runs again. Times that passed while they were disabled are
made up for: each of them, or with --no-catchup the last.`,
		Example:           `  kfmesh enable nightly`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.RecurringRuns()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.switchTo(command.Context(), args, "enabled", func(k *kind.Kind) action { return k.Enable })
		},
	}
}

func disableCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:               "disable [KIND] ID or NAME ...",
		Short:             "Keep recurring runs from making runs",
		Long:              `Keep recurring runs from making runs. Runs that were made go on.`,
		Example:           `  kfmesh disable nightly`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.RecurringRuns()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.switchTo(command.Context(), args, "disabled", func(k *kind.Kind) action { return k.Disable })
		},
	}
}

// action is what a kind can do with one of its resources.
type action = func(context.Context, *client.Client, proto.Message) error

// switchTo enables or disables what is referred to.
func (s *Session) switchTo(ctx context.Context, args []string, doing string, of func(*kind.Kind) action) error {
	k, refs, err := parseReferences(args, kind.RecurringRuns())
	if err != nil {
		return err
	}
	if of(k) == nil {
		return fault.Invalidf("", "%s cannot be %s; recurring runs can", k.Plural, doing)
	}
	return s.change(ctx, k, refs, doing, of(k))
}
