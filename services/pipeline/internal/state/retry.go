package state

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Retry makes a run that has finished one that goes on. Its history stays, and
// what it ended with goes.
func Retry(run *pipelinev1.RunState, at time.Time) {
	run.Retries++
	run.CancelRequested = false
	r := run.GetRun()
	r.State, r.FinishedAt, r.Error = pipelinev1.RuntimeState_RUNNING, nil, nil
	r.StateHistory = append(r.StateHistory, &pipelinev1.RuntimeStatus{
		UpdateTime: timestamppb.New(at), State: pipelinev1.RuntimeState_RUNNING,
	})
}
