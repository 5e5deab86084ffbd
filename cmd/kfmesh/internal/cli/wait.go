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

// waitOptions are the flags of wait.
type waitOptions struct {
	timeout time.Duration
	format  output.Format
	goal    string // of jobs
}

func waitCommand(s *Session) *cobra.Command {
	o := &waitOptions{format: output.FormatTable}
	command := &cobra.Command{
		Use:     "wait [run] ID or NAME | job NAME ...",
		Aliases: []string{"follow"},
		Short:   "Show the progress of a run or jobs until they have ended",
		Long: `Show the progress of a run, or of training jobs, until they have ended, then how it went.
The exit status says whether they succeeded; an interrupt leaves them going.

Jobs may be waited for until they are running, restarting, suspended, succeeded, failed or
deleted instead. When one cannot become that any more, such as running after it has ended,
the wait is over at once, and the exit status 1, as it is after --timeout.

With -o json, yaml or name nothing is shown on the way, and the run or jobs at the end.`,
		Example: `  kfmesh wait last
  kfmesh wait 9f2a1c3e --timeout 10m
  kfmesh wait last -o json
  kfmesh wait job/mnist --timeout 1h && echo trained
  kfmesh wait job mnist --for=condition=Running`,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.wait(command.Context(), args, o)
		},
	}
	command.Flags().DurationVar(&o.timeout, "timeout", 0, "give up waiting after this `time`; 0 means never")
	command.Flags().VarP(&o.format, "output", "o", "how to print the run or jobs in the end: table, json, yaml or name")
	command.Flags().StringVar(&o.goal, "for", "", "`what` jobs are to be, such as running or condition=Running; without it, ended")
	return command
}

func (s *Session) wait(ctx context.Context, args []string, o *waitOptions) error {
	k, refs, err := parseReferences(args, kind.Runs())
	switch {
	case err != nil:
		return err
	case k.Singular == kind.Jobs().Singular:
		return s.waitJobs(ctx, k, refs, o)
	case k.Singular != kind.Runs().Singular:
		return fault.Invalidf("", "%s cannot be waited for; runs and jobs can", k.Plural)
	case len(refs) > 1:
		return fault.Invalidf("", "wait for one run at a time")
	case o.goal != "":
		return fault.Invalidf("--for", "goes with jobs; runs are waited for until they have ended")
	}
	return s.waitRun(ctx, k, refs[0], o)
}

func (s *Session) waitRun(ctx context.Context, k *kind.Kind, ref string, o *waitOptions) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	run, err := k.Resolve(ctx, c, s.namespace, ref)
	if err != nil {
		return err
	}
	if o.timeout <= 0 {
		return s.follow(ctx, c, k.ID(run), o.format)
	}
	timed, cancel := context.WithTimeoutCause(ctx, o.timeout, fault.New(fault.Canceled, "run %s has not ended within %s", k.ID(run), o.timeout))
	defer cancel()
	if err := s.follow(timed, c, k.ID(run), o.format); !errors.Is(err, context.DeadlineExceeded) {
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
