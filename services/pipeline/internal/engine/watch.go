package engine

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Labels of the workloads of pipeline steps.
const (
	labelOwner   = "kfmesh.dev/owner"
	labelRun     = "kfmesh.dev/run"
	labelTask    = "kfmesh.dev/task"
	labelAttempt = "kfmesh.dev/attempt"
	owner        = "pipeline"
)

// watch follows all workloads of steps until ctx ends.
func (e *Engine) watch(ctx context.Context) {
	wait := firstWait
	for ctx.Err() == nil {
		synced, err := e.follow(ctx)
		if ctx.Err() != nil {
			return
		}
		if synced {
			wait = firstWait
		}
		e.deps.Log.WarnContext(ctx, "the stream of workload changes broke; opening it again", "error", err)
		if !pause(ctx, wait) {
			return
		}
		wait = min(2*wait, lastWait)
	}
}

// follow reads one stream to its end and reports whether it came to be in sync.
func (e *Engine) follow(ctx context.Context) (synced bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := e.deps.Workloads.WatchWorkloads(ctx, &gpuagentv1.WatchWorkloadsRequest{
		LabelSelector: map[string]string{labelOwner: owner},
	})
	if err != nil {
		return false, err
	}
	seen := map[name]bool{}
	for {
		event, err := stream.Recv()
		if err != nil {
			return synced, err
		}
		w := event.GetWorkload()
		switch event.GetType() {
		case gpuagentv1.WorkloadEvent_TYPE_SYNCED:
			synced = true
			e.missed(ctx, seen)
			e.sweep(ctx, e.workloads.runs()...)
		case gpuagentv1.WorkloadEvent_TYPE_DELETED:
			e.workloads.remove(w)
			e.dispatch(w, true)
		default:
			if !synced {
				seen[nameOf(w)] = true
			}
			e.workloads.add(w)
			if !e.dispatch(w, false) && synced {
				e.sweep(ctx, runOf(w))
			}
		}
	}
}

// missed tells of workloads that were deleted while no stream was open. One
// that was not seen may also be so new that it is yet to come, or to be: its
// runner knows.
func (e *Engine) missed(ctx context.Context, seen map[name]bool) {
	for _, k := range e.workloads.except(seen) {
		_, err := e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: k.namespace, Name: k.name.name})
		if fault.Is(err, fault.NotFound) {
			w := k.workload()
			e.workloads.remove(w)
			e.dispatch(w, true)
		}
	}
}

// sweep has the workloads of runs deleted that are gone. A runner that ends sees
// to its own. The store is asked, for the cache may not know a new run yet.
func (e *Engine) sweep(ctx context.Context, runs ...string) {
	for _, id := range runs {
		if e.runner(id) != nil {
			continue
		}
		known := e.workloads.of(id) // not those of a retry that comes now
		if _, err := e.deps.State.Runs.Get(ctx, id); fault.Is(err, fault.NotFound) {
			e.workloads.release(id, known...)
		}
	}
}
