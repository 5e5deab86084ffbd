package board

import (
	"context"
	"sync"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Watch is one watcher's queue. A workload that changes again before its change
// was taken is queued once, as it then is, so the queue is never longer than the
// number of workloads.
type Watch struct {
	match Match

	mu      sync.Mutex
	order   []string                             // guarded by mu; keys, first change first
	pending map[string]*gpuagentv1.WorkloadEvent // guarded by mu
	ready   chan struct{}                        // holds a token while something is pending
}

// Watch begins to watch. The first events are the matching workloads as they
// are (CREATED), then one SYNCED, then changes. Unwatch ends it.
func (b *Board) Watch(match Match) *Watch {
	w := &Watch{match: match, pending: map[string]*gpuagentv1.WorkloadEvent{}, ready: make(chan struct{}, 1)}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, workload := range b.list(match) {
		w.add(state.KeyOf(workload.GetMetadata()),
			&gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_CREATED, Workload: workload})
	}
	w.add(syncedKey, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_SYNCED})
	b.watches[w] = struct{}{}
	return w
}

// syncedKey is no workload's key: those have a slash.
const syncedKey = "synced"

// Unwatch ends a watch.
func (b *Board) Unwatch(w *Watch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.watches, w)
}

// Next waits for events and returns all there are, in order. It returns ctx's
// error when that ends first.
func (w *Watch) Next(ctx context.Context) ([]*gpuagentv1.WorkloadEvent, error) {
	select {
	case <-w.ready:
		return w.take(), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *Watch) take() []*gpuagentv1.WorkloadEvent {
	w.mu.Lock()
	defer w.mu.Unlock()
	events := make([]*gpuagentv1.WorkloadEvent, 0, len(w.order))
	for _, key := range w.order {
		events = append(events, w.pending[key])
	}
	w.order = nil
	clear(w.pending)
	return events
}

func (w *Watch) add(key string, e *gpuagentv1.WorkloadEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	queued, ok := w.pending[key]
	switch {
	case !ok:
		w.order = append(w.order, key)
	case e.GetType() == gpuagentv1.WorkloadEvent_TYPE_UPDATED:
		e.Type = queued.GetType() // still new to this watcher, if it was
	}
	w.pending[key] = e
	select {
	case w.ready <- struct{}{}:
	default:
	}
}
