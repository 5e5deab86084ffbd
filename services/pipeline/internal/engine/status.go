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

// The history of a run, each state of which may say why the run failed, has to fit
// into the room that the API leaves.
const (
	maxRunStates   = 50
	maxReasonBytes = 1 << 10
)

// entered returns the status after it entered a state.
func (s runStatus) entered(next pipelinev1.RuntimeState, message string, at time.Time) runStatus {
	now := timestamppb.New(at)
	s.state = next
	if next == pipelinev1.RuntimeState_FAILED {
		s.failure = &status.Status{Code: int32(codes.Unknown), Message: shorten(message, maxMessageBytes)}
	}
	if state.Terminal(next) {
		s.finished = now
	}
	past := s.history[max(0, len(s.history)+1-maxRunStates):] // of a run that is retried again and again
	history := make([]*pipelinev1.RuntimeStatus, 0, len(past)+1)
	entry := &pipelinev1.RuntimeStatus{UpdateTime: now, State: next}
	if s.failure != nil {
		entry.Error = &status.Status{Code: s.failure.GetCode(), Message: shorten(s.failure.GetMessage(), maxReasonBytes)}
	}
	s.history = append(append(history, past...), entry)
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
