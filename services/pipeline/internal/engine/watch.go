package engine

import (
	"context"
	"maps"
	"slices"
	"sync"

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
	for _, w := range e.workloads.except(seen) {
		n := nameOf(w)
		_, err := e.deps.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: n.namespace, Name: n.name})
		if fault.Is(err, fault.NotFound) {
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

// name is where a workload is.
type name struct{ namespace, name string }

func runOf(w *gpuagentv1.Workload) string { return w.GetMetadata().GetLabels()[labelRun] }

func nameOf(w *gpuagentv1.Workload) name {
	return name{w.GetMetadata().GetNamespace(), w.GetMetadata().GetName()}
}

// workloads knows which workloads exist for each run, and which are to go.
type workloads struct {
	mu       sync.Mutex
	byRun    map[string]map[name]*gpuagentv1.Workload // guarded by mu; metadata only
	released *inbox[name]
}

func newWorkloads() *workloads {
	return &workloads{byRun: map[string]map[name]*gpuagentv1.Workload{}, released: newInbox[name]()}
}

func (w *workloads) add(workload *gpuagentv1.Workload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := runOf(workload)
	if w.byRun[run] == nil {
		w.byRun[run] = map[name]*gpuagentv1.Workload{}
	}
	w.byRun[run][nameOf(workload)] = &gpuagentv1.Workload{Metadata: workload.GetMetadata()}
}

func (w *workloads) remove(workload *gpuagentv1.Workload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := runOf(workload)
	delete(w.byRun[run], nameOf(workload))
	if len(w.byRun[run]) == 0 {
		delete(w.byRun, run)
	}
}

// except returns the workloads that are known and not among those named.
func (w *workloads) except(names map[name]bool) []*gpuagentv1.Workload {
	w.mu.Lock()
	defer w.mu.Unlock()
	var others []*gpuagentv1.Workload
	for _, workloads := range w.byRun {
		for n, workload := range workloads {
			if !names[n] {
				others = append(others, workload)
			}
		}
	}
	return others
}

func (w *workloads) runs() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.byRun))
}

// of returns the names of the workloads of a run.
func (w *workloads) of(run string) []name {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.byRun[run]))
}

// release gives workloads of a run free to be deleted.
func (w *workloads) release(run string, names ...name) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		w.released.put(n)
		delete(w.byRun[run], n)
	}
	if len(w.byRun[run]) == 0 {
		delete(w.byRun, run)
	}
}

// clean deletes released workloads until ctx ends. What it does not get to is
// swept up later.
func (e *Engine) clean(ctx context.Context) {
	for {
		select {
		case <-e.workloads.released.ready:
		case <-ctx.Done():
			return
		}
		for _, n := range e.workloads.released.take() {
			err := persist(ctx, func(ctx context.Context) error {
				_, err := e.deps.Workloads.DeleteWorkload(ctx, &gpuagentv1.DeleteWorkloadRequest{Namespace: n.namespace, Name: n.name})
				return err
			})
			if err != nil && !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
				e.deps.Log.WarnContext(ctx, "a workload could not be deleted", "namespace", n.namespace, "workload", n.name, "error", err)
			}
		}
	}
}
