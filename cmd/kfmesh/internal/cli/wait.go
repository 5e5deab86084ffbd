package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/follow"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/report"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func waitCommand(s *Session) *cobra.Command {
	var timeout time.Duration
	format := output.FormatTable
	command := &cobra.Command{
		Use:     "wait [run] ID or NAME",
		Aliases: []string{"follow"},
		Short:   "Show the progress of a run until it has ended",
		Long: `Show the progress of a run until it has ended, then how it went. The exit
status says whether it succeeded; an interrupt leaves the run going.

With -o json, yaml or name nothing is shown on the way, and the run at the end.`,
		Example: `  kfmesh wait last
  kfmesh wait 9f2a1c3e --timeout 10m
  kfmesh wait last -o json`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.wait(command.Context(), args, timeout, format)
		},
	}
	command.Flags().DurationVar(&timeout, "timeout", 0, "give up waiting after this `time`; 0 means never")
	command.Flags().VarP(&format, "output", "o", "how to print the run in the end: table, json, yaml or name")
	return command
}

func (s *Session) wait(ctx context.Context, args []string, timeout time.Duration, format output.Format) error {
	k, ref, err := parseReference(args, kind.Runs())
	if err != nil {
		return err
	}
	if k.Singular != kind.Runs().Singular {
		return fault.Invalidf("", "only runs can be waited for")
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	run, err := k.Resolve(ctx, c, s.namespace, ref)
	if err != nil {
		return err
	}
	if timeout <= 0 {
		return s.follow(ctx, c, k.ID(run), format)
	}
	timed, cancel := context.WithTimeoutCause(ctx, timeout, fault.New(fault.Canceled, "run %s has not ended within %s", k.ID(run), timeout))
	defer cancel()
	if err := s.follow(timed, c, k.ID(run), format); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return context.Cause(timed)
}

// follow shows a run until it has ended and then reports on it. The error is
// errUnsuccessful when the run was not.
func (s *Session) follow(ctx context.Context, c *client.Client, runID string, format output.Format) error {
	quiet := format != output.FormatTable && format != output.FormatWide
	view := follow.ViewFor(s.Term)
	if quiet {
		view = follow.Silent{}
	}
	last, err := follow.New(c).Follow(ctx, runID, view)
	if err != nil {
		if ctx.Err() != nil {
			short := output.ShortID(runID)
			fmt.Fprintf(s.Term.Err, "the run goes on; `kfmesh wait %s` shows it again, `kfmesh cancel %s` stops it\n", short, short)
		}
		return err
	}
	if err := s.reportRun(format, quiet, last); err != nil {
		return err
	}
	if last.Run.GetState() != pipelinev1.RuntimeState_SUCCEEDED {
		return errUnsuccessful
	}
	return nil
}

func (s *Session) reportRun(format output.Format, quiet bool, last follow.Snapshot) error {
	if quiet {
		return s.show(format, kind.Runs(), []proto.Message{last.Run}, false)
	}
	return report.Run(s.Term, s.Term.Out, last.Run, last.Tasks)
}
