package engine

import (
	"context"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// enqueue takes an attempt in, to be launched when its time has come and there
// is room.
func (r *runner) enqueue(l dag.Launch) {
	a := r.newAttempt(l)
	a.due = time.Now()
	if l.NotBefore.After(a.due) {
		a.due = l.NotBefore
		r.delayed = append(r.delayed, a)
		return
	}
	r.queue = append(r.queue, a)
}

func (r *runner) newAttempt(l dag.Launch) *attempt {
	a := &attempt{
		Launch: l,
		name:   workloadName(r.self.ID, l.Attempt),
		request: launch.Request{
			Spec:      r.spec,
			Component: l.Task.ComponentRef.Name,
			Run:       r.self,
			Task:      launch.Task{ID: l.TaskID, Name: l.Name},
			Inputs:    l.Inputs,
			Pod:       l.Pod,
			Layout:    layoutOf(r.self, l.Name, l.Attempt),
		},
	}
	r.attempts[l.Attempt] = a
	return a
}

// untilRetry returns how long the next delayed attempt has to wait, if there is one.
func (r *runner) untilRetry() (time.Duration, bool) {
	if len(r.delayed) == 0 {
		return 0, false
	}
	next := r.delayed[0].NotBefore
	for _, a := range r.delayed[1:] {
		if a.NotBefore.Before(next) {
			next = a.NotBefore
		}
	}
	return time.Until(next), true
}

// pump launches what is due, as far as there is room.
func (r *runner) pump(ctx context.Context) {
	waiting := r.delayed[:0]
	for _, a := range r.delayed {
		if time.Until(a.NotBefore) > 0 {
			waiting = append(waiting, a)
		} else {
			r.queue = append(r.queue, a)
		}
	}
	clear(r.delayed[len(waiting):])
	r.delayed = waiting
	for len(r.queue) > 0 && r.calls < r.engine.cfg.MaxCalls && !r.held {
		a := r.queue[0]
		r.queue[0] = nil // of a wide loop there are many, and each is large
		r.queue = r.queue[1:]
		if r.attempts[a.Attempt] == a { // it may have been stopped
			r.launch(ctx, a)
		}
	}
}

func (r *runner) launch(ctx context.Context, a *attempt) {
	a.stage, a.sent = launching, time.Now()
	r.engine.deps.Meter.TaskSubmitted(ctx, a.sent.Sub(a.due))
	r.calls++
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		started := r.engine.launch(ctx, a.Launch, a.request, a.name)
		return func(ctx context.Context) {
			r.calls--
			r.launched(ctx, a, started)
		}
	})
}

// started is what came of a launch: the end of the attempt, when it needed no
// workload or could not have one, or else the workload.
type started struct {
	result   *dag.Result
	workload *gpuagentv1.Workload
	cacheKey string   // under which the outputs are to be kept
	handed   bool     // whether something was handed to it beside its workload
	warnings []string // what the step asks for that no runtime can give
}

// launched goes on after a launch.
func (r *runner) launched(ctx context.Context, a *attempt, s started) {
	a.warnings = s.warnings
	if s.result != nil {
		r.finished(ctx, a, *s.result)
		return
	}
	if s.workload == nil {
		return // ctx ended
	}
	a.stage, a.cacheKey = following, s.cacheKey
	if s.handed {
		r.handed[a.name] = true
	}
	r.recorder.start(a.TaskID)
	r.workloadChanged(ctx, s.workload, false)
	switch {
	case a.deleted:
		r.verify(ctx, a)
	case a.early != nil:
		r.workloadChanged(ctx, a.early, false)
	}
	if a.stopping && a.stage == following {
		r.callStop(ctx, a)
	}
}

// launch starts an attempt. It returns neither result nor workload when ctx ended.
func (e *Engine) launch(ctx context.Context, l dag.Launch, request launch.Request, name string) started {
	inputs, err := e.whole(ctx, request.Run.ID, request.Inputs)
	switch {
	case ctx.Err() != nil:
		return started{}
	case err != nil:
		return concluded(rejected(err))
	}
	request.Inputs = inputs
	build := launch.Build
	switch {
	case request.FillsWorkspace():
		build = launch.BuildImport
	case l.Executor.Importer != nil:
		return concluded(e.importArtifact(ctx, request))
	case launch.MakesVolume(l.Executor):
		return e.volume(ctx, l, request)
	}
	built, err := build(request)
	if err != nil {
		return concluded(rejected(err))
	}
	s := started{warnings: built.Pod.Warnings}
	if l.Task.CachingOptions.EnableCache && l.Executor.Container != nil {
		key, hit, err := e.lookup(ctx, request, l.Task.CachingOptions.CacheKey)
		if err != nil {
			e.deps.Log.WarnContext(ctx, "the cache cannot be used", "run", request.Run.ID, "task", l.Path, "error", err)
		}
		e.deps.Meter.CacheLookup(ctx, hit != nil)
		if hit != nil {
			return concluded(*hit)
		}
		s.cacheKey = key
	}
	built.Downloads = append(built.Downloads, e.visible(request)...)
	e.namesOf(request.Run).exchange(request, built)
	s.handed = built.InputFile != ""
	if err := e.give(ctx, request.Run, name, built); err != nil {
		if ctx.Err() != nil {
			return started{}
		}
		return concluded(rejected(err))
	}
	w := e.workloadOf(l, request, name, built)
	w.GetSpec().GetGroups()[0].GetTemplate().GetStaging().Reads = e.reads(request.Layout, built)
	letOverflow(request.Run.ID, w)
	addTrace(ctx, w)
	s.workload, err = e.submit(ctx, w)
	if err != nil && ctx.Err() == nil {
		return concluded(rejected(err))
	}
	return s
}

// submit starts a workload, or finds the one of that name that was started
// before. It is known before it can exist, so that whoever compares what is
// known with what exists does not overlook it. An engine that no longer leads
// starts nothing, and waits to be stopped.
func (e *Engine) submit(ctx context.Context, w *gpuagentv1.Workload) (*gpuagentv1.Workload, error) {
	e.workloads.add(w)
	var accepted *gpuagentv1.Workload
	err := persist(ctx, func(ctx context.Context) (err error) {
		accepted, err = e.deps.Workloads.SubmitWorkload(ctx, &gpuagentv1.SubmitWorkloadRequest{Workload: w, Fence: e.lead.Fence})
		if fault.Is(err, fault.AlreadyExists) {
			accepted, err = e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{
				Namespace: w.GetMetadata().GetNamespace(), Name: w.GetMetadata().GetName(),
			})
		}
		return err
	})
	if fault.Is(err, fault.Conflict) {
		e.deps.Log.WarnContext(ctx, "a workload was not submitted: another leads", "workload", w.GetMetadata().GetName(), "error", err)
		<-ctx.Done()
	}
	if err != nil && ctx.Err() == nil {
		e.workloads.remove(w)
	}
	return accepted, err
}

// rejected is the end of an attempt that could not start, and would not another time.
func rejected(err error) dag.Result {
	return dag.Result{Verdict: dag.Rejected, Message: sentence(err)}
}

func concluded(result dag.Result) started { return started{result: &result} }
