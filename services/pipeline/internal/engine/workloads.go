package engine

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
)

// deletedAtOnce is how many workloads are being deleted at a time: enough that
// deletions keep up with the ends of short steps. Each waits for a commit, which it
// shares with those that wait with it.
const deletedAtOnce = 32

// name is where a workload is.
type name struct{ namespace, name string }

func runOf(w *gpuagentv1.Workload) string { return w.GetMetadata().GetLabels()[labelRun] }

func nameOf(w *gpuagentv1.Workload) name {
	return name{w.GetMetadata().GetNamespace(), w.GetMetadata().GetName()}
}

// workloads knows which workloads exist for each run, and which are to go. A run
// may have tens of thousands: of each it keeps its name and what it is for.
type workloads struct {
	mu       sync.Mutex
	byRun    map[string]map[name]dag.Attempt // guarded by mu
	released *inbox[name]
}

// known is a workload that exists, as far as is known.
type known struct {
	name
	run     string
	attempt dag.Attempt
}

// workload is the workload as far as it is known.
func (k known) workload() *gpuagentv1.Workload {
	return &gpuagentv1.Workload{Metadata: &metav1.ObjectMeta{
		Namespace: k.namespace,
		Name:      k.name.name,
		Labels: map[string]string{
			labelOwner: owner, labelRun: k.run, labelTask: k.attempt.TaskID, labelAttempt: strconv.Itoa(k.attempt.Number),
		},
	}}
}

func newWorkloads() *workloads {
	return &workloads{byRun: map[string]map[name]dag.Attempt{}, released: newInbox[name]()}
}

func (w *workloads) add(workload *gpuagentv1.Workload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := runOf(workload)
	if w.byRun[run] == nil {
		w.byRun[run] = map[name]dag.Attempt{}
	}
	w.byRun[run][nameOf(workload)] = attemptOf(workload)
}

func (w *workloads) remove(workload *gpuagentv1.Workload) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forget(runOf(workload), nameOf(workload))
}

// forget drops a workload. The caller holds mu.
func (w *workloads) forget(run string, n name) {
	delete(w.byRun[run], n)
	if len(w.byRun[run]) == 0 {
		delete(w.byRun, run)
	}
}

// except returns the workloads that are known and not among those named.
func (w *workloads) except(names map[name]bool) []known {
	w.mu.Lock()
	defer w.mu.Unlock()
	var others []known
	for run, workloads := range w.byRun {
		for n, attempt := range workloads {
			if !names[n] {
				others = append(others, known{name: n, run: run, attempt: attempt})
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

// release gives workloads of a run free to be deleted, those that are known.
func (w *workloads) release(run string, names ...name) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range names {
		if _, known := w.byRun[run][n]; known {
			w.forget(run, n)
			w.released.put(n)
		}
	}
}

// clean deletes released workloads until ctx ends, some at a time. What it does
// not get to is swept up later.
func (e *Engine) clean(ctx context.Context) {
	var group errgroup.Group
	group.SetLimit(deletedAtOnce)
	defer func() { _ = group.Wait() }() // no deletion returns an error
	for {
		select {
		case <-e.workloads.released.ready:
		case <-ctx.Done():
			return
		}
		for _, n := range e.workloads.released.take() {
			group.Go(func() error {
				e.delete(ctx, n)
				return nil
			})
		}
	}
}

func (e *Engine) delete(ctx context.Context, n name) {
	err := persist(ctx, func(ctx context.Context) error {
		_, err := e.deps.Workloads.DeleteWorkload(ctx, &gpuagentv1.DeleteWorkloadRequest{Namespace: n.namespace, Name: n.name})
		return err
	})
	if err != nil && !fault.Is(err, fault.NotFound) && ctx.Err() == nil {
		e.deps.Log.WarnContext(ctx, "a workload could not be deleted", "namespace", n.namespace, "workload", n.name, "error", err)
	}
}
