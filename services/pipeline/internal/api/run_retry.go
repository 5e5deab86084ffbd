package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// RetryRun implements RunService. One write makes the run live again: of its key
// while it is there, or of a new one that says that the tasks are still in the
// archive. The engine brings them back and goes on from there.
func (s *runs) RetryRun(ctx context.Context, r *pipelinev1.RetryRunRequest) (*emptypb.Empty, error) {
	id := r.GetRunId()
	for {
		item, err := s.State.Runs.Get(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
			err = s.retryFinished(ctx, id)
		case err != nil:
		case item.Value.GetDeleteRequested():
			return nil, noRun(id)
		default:
			if err = s.retry(item.Value); err == nil {
				_, err = s.State.Runs.Update(ctx, id, item.Value, item.Revision)
			}
		}
		if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.AlreadyExists) { // another was quicker: look again
			return &emptypb.Empty{}, err
		}
	}
}

// retryFinished takes a run back out of the archive. Its record goes only when
// the engine has read it.
func (s *runs) retryFinished(ctx context.Context, id string) error {
	finished, err := s.finishedRun(ctx, id)
	if err != nil {
		return err
	}
	run := finished.GetState()
	if err := s.retry(run); err != nil {
		return err
	}
	run.Restoring = true
	_, err = s.State.Runs.Create(ctx, id, run)
	return err
}

// retry makes a run live again, unless there is nothing to retry.
func (s *runs) retry(run *pipelinev1.RunState) error {
	id, now := run.GetRun().GetRunId(), run.GetRun().GetState()
	switch {
	case now == pipelinev1.RuntimeState_SUCCEEDED:
		return fault.Preconditionf("run %q has SUCCEEDED: there is nothing to retry; clone it to run it again", id).
			WithReason("RUN_SUCCEEDED")
	case !state.Terminal(now):
		return fault.Preconditionf("run %q is %s: only a run that has finished can be retried", id, now).
			WithReason("RUN_LIVE")
	}
	state.Retry(run, s.Now())
	return nil
}
