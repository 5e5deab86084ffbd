package engine

import (
	"time"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// runStatus is the part of a stored run that the engine owns.
type runStatus struct {
	state    pipelinev1.RuntimeState
	history  []*pipelinev1.RuntimeStatus
	finished *timestamppb.Timestamp
	failure  *status.Status
}

func statusOf(run *pipelinev1.Run) runStatus {
	return runStatus{
		state:    run.GetState(),
		history:  run.GetStateHistory(),
		finished: run.GetFinishedAt(),
		failure:  run.GetError(),
	}
}

// on returns a copy of a stored run with this status.
func (s runStatus) on(stored *pipelinev1.RunState) *pipelinev1.RunState {
	stored = proto.CloneOf(stored)
	run := stored.GetRun()
	if s.state == pipelinev1.RuntimeState_RUNNING && stored.GetCancelRequested() {
		return stored // it is CANCELING already, which the runner has yet to hear
	}
	run.State, run.StateHistory, run.FinishedAt, run.Error = s.state, s.history, s.finished, s.failure
	return stored
}

// entered returns the status after it entered a state.
func (s runStatus) entered(next pipelinev1.RuntimeState, message string, at time.Time) runStatus {
	now := timestamppb.New(at)
	s.state = next
	if next == pipelinev1.RuntimeState_FAILED {
		s.failure = &status.Status{Code: int32(codes.Unknown), Message: shorten(message)}
	}
	if state.Terminal(next) {
		s.finished = now
	}
	history := make([]*pipelinev1.RuntimeStatus, 0, len(s.history)+1)
	s.history = append(append(history, s.history...), &pipelinev1.RuntimeStatus{UpdateTime: now, State: next, Error: s.failure})
	return s
}

// enter moves the run to a state, unless it is in it, and has that saved.
func (r *runner) enter(next pipelinev1.RuntimeState, message string) {
	if r.status.state == next {
		return
	}
	r.status = r.status.entered(next, message, time.Now())
	r.saver.markStatus()
}
