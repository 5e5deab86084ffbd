package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TerminateRun implements RunService. The run is CANCELING at once, and CANCELED
// when the engine has stopped its tasks.
func (s *runs) TerminateRun(ctx context.Context, r *pipelinev1.TerminateRunRequest) (*emptypb.Empty, error) {
	id := r.GetRunId()
	_, err := s.State.Runs.Modify(ctx, id, func(run *pipelinev1.RunState) (bool, error) {
		switch {
		case run.GetDeleteRequested():
			return false, noRun(id)
		case state.Terminal(run.GetRun().GetState()):
			return false, hasFinished(run)
		}
		return s.cancel(run), nil
	})
	if !fault.Is(err, fault.NotFound) {
		return &emptypb.Empty{}, err
	}
	finished, err := s.finishedRun(ctx, id)
	if err != nil {
		return nil, err
	}
	return nil, hasFinished(finished.GetState())
}

// cancel asks the engine to stop a run, and reports whether that is news.
func (s *runs) cancel(run *pipelinev1.RunState) bool {
	if run.GetCancelRequested() {
		return false
	}
	run.CancelRequested = true
	run.Run.State = pipelinev1.RuntimeState_CANCELING
	run.Run.StateHistory = append(run.Run.StateHistory, &pipelinev1.RuntimeStatus{
		UpdateTime: s.now(), State: pipelinev1.RuntimeState_CANCELING,
	})
	return true
}

func hasFinished(run *pipelinev1.RunState) error {
	return fault.Preconditionf("run %q has finished: it is %s", run.GetRun().GetRunId(), run.GetRun().GetState()).
		WithReason("RUN_FINISHED")
}
