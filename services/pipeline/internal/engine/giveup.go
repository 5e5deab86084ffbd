package engine

import (
	"context"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// giveUp fails a run of which something cannot be stored however often it is
// tried. Its status alone is still written; its workloads are stopped when the
// run is put away, and its tasks end then as well. A retry of the run may do
// better.
func (r *runner) giveUp(ctx context.Context, err error) {
	r.log.ErrorContext(ctx, "the run is given up: its state cannot be stored", "error", err)
	r.givenUp = true
	clear(r.attempts)
	r.queue, r.delayed, r.held = nil, nil, false
	r.saver = saver{dirty: newOrder(), spent: newOrder(), gone: map[string]bool{}}
	r.recorder.waiting = newOrder()
	r.outcome = &dag.Outcome{
		State:   pipelinev1.RuntimeState_FAILED,
		Message: "the run was given up, for its state cannot be stored: " + sentence(err),
	}
}

// closed returns the tasks of a run that has ended as they are archived: one
// that had not ended when the run was given up ended with it.
func closed(run *pipelinev1.Run, tasks []*pipelinev1.Task) []*pipelinev1.Task {
	const message = "the run ended before it did"
	for _, t := range tasks {
		d := t.GetDetail()
		if state.Terminal(d.GetState()) {
			continue
		}
		at := run.GetFinishedAt()
		if at == nil {
			at = timestamppb.Now()
		}
		d.State, d.EndTime = pipelinev1.RuntimeState_FAILED, at
		d.Error = &status.Status{Code: int32(codes.Unknown), Message: message}
		d.StateHistory = append(d.StateHistory, &pipelinev1.RuntimeStatus{UpdateTime: at, State: d.GetState(), Error: d.GetError()})
		t.Message = message
	}
	return tasks
}
