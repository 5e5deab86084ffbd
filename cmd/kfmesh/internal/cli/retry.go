package cli

import (
	"context"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func retryCommand(s *Session) *cobra.Command {
	var watched bool
	command := &cobra.Command{
		Use:   "retry [run] ID or NAME ...",
		Short: "Run again what failed in a run",
		Long: `Run again what failed or was canceled in runs that have ended, and what waited
for it. What succeeded stays as it is, with its outputs; exit tasks run again.

Attempts are numbered on, and the logs of the earlier ones stay. With --follow,
the exit status says whether the run succeeded; an interrupt leaves it going.`,
		Example: `  kfmesh retry last --follow
  kfmesh retry 9f2a1c3e 0b1d22aa`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.retry(command.Context(), args, watched)
		},
	}
	command.Flags().BoolVarP(&watched, "follow", "f", false, "show progress until the run has ended")
	return command
}

func (s *Session) retry(ctx context.Context, args []string, watched bool) error {
	k, refs, err := parseReferences(args, kind.Runs())
	if err != nil {
		return err
	}
	if k.Singular != kind.Runs().Singular {
		return fault.Invalidf("", "only runs can be retried")
	}
	if watched && len(refs) > 1 {
		return fault.Invalidf("--follow", "goes with one run, not %d", len(refs))
	}
	var id string
	err = s.change(ctx, k, refs, "retrying", func(ctx context.Context, c *client.Client, m proto.Message) error {
		id = k.ID(m)
		_, err := c.Runs.RetryRun(ctx, &pipelinev1.RetryRunRequest{RunId: id})
		return err
	})
	if err != nil || !watched {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	return s.follow(ctx, c, id, output.FormatTable)
}
