package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
)

// deadline returns when a run has to have ended, if its pipeline says so: a time
// after it last began to run. It follows from what is stored, so a restart does
// not put it off.
func (r *runner) deadline() (time.Time, bool) {
	if r.spec == nil || r.spec.Platform == nil || r.spec.Platform.PipelineConfig.ActiveDeadlineSeconds <= 0 {
		return time.Time{}, false
	}
	for _, s := range slices.Backward(r.status.history) {
		if s.GetState() == pipelinev1.RuntimeState_RUNNING {
			return timeOf(s.GetUpdateTime()).Add(r.allowed()), true
		}
	}
	return time.Time{}, false
}

// allowed is how long the pipeline lets a run take.
func (r *runner) allowed() time.Duration {
	const most = 100 * 365 * 24 * time.Hour
	return min(time.Duration(r.spec.Platform.PipelineConfig.ActiveDeadlineSeconds), most/time.Second) * time.Second
}

// untilDeadline returns how long the run may still take, if that matters.
func (r *runner) untilDeadline() (time.Duration, bool) {
	deadline, some := r.deadline()
	return time.Until(deadline), some && !r.canceled && !r.givenUp && r.outcome == nil
}

// expire stops a run that took too long.
func (r *runner) expire(ctx context.Context) {
	if wait, some := r.untilDeadline(); !some || wait > 0 {
		return
	}
	r.canceled, r.expired = true, true
	r.enter(pipelinev1.RuntimeState_CANCELING, "")
	r.apply(ctx, r.plan.Cancel(time.Now()))
}

// late is the outcome of a run that was stopped because it took too long.
func (r *runner) late() *dag.Outcome {
	return &dag.Outcome{
		State:   pipelinev1.RuntimeState_FAILED,
		Message: fmt.Sprintf("the run took longer than the %s that its pipeline allows", r.allowed()),
	}
}
