package engine

import (
	"context"
	"slices"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const deletedMessage = "its workload was deleted"

// workloadChanged takes in the status of a workload. Anything but the attempts
// that the plan has running is ignored, and so is what was heard before.
func (r *runner) workloadChanged(ctx context.Context, w *gpuagentv1.Workload, deleted bool) {
	a := r.attempts[attemptOf(w)]
	if a == nil {
		return
	}
	phase := w.GetStatus().GetPhase()
	switch {
	case a.stage == launching: // what the launch has to say comes first
		a.early, a.deleted = w, deleted
	case a.stage != following:
	case ended(phase):
		a.stage = reading
		r.read(ctx, a, w)
	case deleted:
		r.verify(ctx, a)
	case phase != a.phase || w.GetStatus().GetMessage() != a.message || len(w.GetStatus().GetWarnings()) != a.heard:
		a.phase, a.message, a.heard = phase, w.GetStatus().GetMessage(), len(w.GetStatus().GetWarnings())
		r.apply(ctx, r.plan.Progress(a.Attempt, a.progressOf(w), time.Now()))
	}
}

// verify looks whether a workload is gone of which that was heard: it may have
// been heard of the time before it came to be, and be told only now.
func (r *runner) verify(ctx context.Context, a *attempt) {
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		w, err := r.engine.get(ctx, a.request.Run.Namespace, a.name)
		return func(ctx context.Context) {
			switch {
			case a.stage != following || r.attempts[a.Attempt] != a:
			case err == nil:
				r.workloadChanged(ctx, w, false)
			case fault.Is(err, fault.NotFound):
				r.finished(ctx, a, dag.Result{Verdict: dag.Stopped, Message: deletedMessage, Workload: a.name})
			}
		}
	})
}

func (e *Engine) get(ctx context.Context, namespace, name string) (w *gpuagentv1.Workload, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		w, err = e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: namespace, Name: name})
		return err
	})
	return w, err
}

// read reads how an attempt ended and what it made.
func (r *runner) read(ctx context.Context, a *attempt, w *gpuagentv1.Workload) {
	some, quick := handedBack(w)
	if some {
		r.handed[a.name] = true
	}
	if quick && !makesArtifacts(a) {
		r.finished(ctx, a, r.engine.read(ctx, a.request, w))
		return
	}
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		result := r.engine.read(ctx, a.request, w)
		if ctx.Err() != nil {
			return nil // it may have been cut off
		}
		return func(ctx context.Context) { r.finished(ctx, a, result) }
	})
}

func makesArtifacts(a *attempt) bool { return len(a.Component.OutputDefinitions.Artifacts) > 0 }

// finished tells the plan the end of an attempt and has it recorded.
func (r *runner) finished(ctx context.Context, a *attempt, result dag.Result) {
	delete(r.attempts, a.Attempt)
	if r.givenUp {
		return
	}
	if !a.sent.IsZero() && result.CachedFrom.Run == "" && result.Started.After(a.sent) {
		r.engine.deps.Meter.TaskLaunched(ctx, result.Started.Sub(a.sent))
	}
	result.Warnings = slices.Concat(a.warnings, result.Warnings)
	if result.CachedFrom.Run != "" {
		r.saver.markHit(a.TaskID)
		r.held = true // a hit cannot be derived again: it is saved before anything follows from it
	}
	r.apply(ctx, r.plan.Finished(a.Attempt, result, time.Now()))
	if !state.Terminal(r.plan.State(a.TaskID)) {
		return // it is tried again
	}
	r.engine.deps.Meter.TasksEnded(ctx, r.plan.State(a.TaskID), 1)
	r.recorder.waiting.put(a.TaskID)
	if a.cacheKey != "" && result.Verdict == dag.Succeeded {
		r.saver.markEntry(r.engine.entryOp(a.request, a.cacheKey, r.plan.Task(a.TaskID)))
	}
}

// stop ends an attempt that was launched, now or before a restart.
func (r *runner) stop(ctx context.Context, l dag.Launch) {
	a := r.attempts[l.Attempt]
	if a == nil {
		a = r.newAttempt(l)
		a.stage = following
	}
	a.stopping = true
	switch a.stage {
	case toLaunch:
		r.finished(ctx, a, dag.Result{Verdict: dag.Stopped})
	case following:
		r.callStop(ctx, a)
	}
}

// callStop asks for the end of an attempt's workload. Its answer, or that there
// is none, is taken in like any other change of it.
func (r *runner) callStop(ctx context.Context, a *attempt) {
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		w, err := r.engine.stop(ctx, a.request.Run.Namespace, a.name)
		return func(ctx context.Context) {
			switch {
			case a.stage != following || r.attempts[a.Attempt] != a:
			case err == nil:
				r.workloadChanged(ctx, w, false)
			case fault.Is(err, fault.NotFound):
				r.finished(ctx, a, dag.Result{Verdict: dag.Stopped})
			case ctx.Err() == nil:
				r.finished(ctx, a, dag.Result{Verdict: dag.Rejected, Message: "it could not be stopped: " + sentence(err)})
			}
		}
	})
}

func (e *Engine) stop(ctx context.Context, namespace, name string) (w *gpuagentv1.Workload, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		w, err = e.deps.Workloads.StopWorkload(ctx, &gpuagentv1.StopWorkloadRequest{
			Namespace: namespace, Name: name, Message: "the run was canceled",
		})
		return err
	})
	return w, err
}
