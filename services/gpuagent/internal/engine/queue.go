package engine

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/queue"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

// observeQueues tells the scheduler of every change of a queue.
func (e *Engine) observeQueues(updates []store.Update[*gpuagentv1.Queue]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range updates {
		if u.Deleted {
			e.scheduler.RemoveQueue(u.Item.Key)
		} else {
			e.scheduler.SetQueue(queue.Of(u.Item.Value))
		}
	}
	if e.Ready() == nil { // before, what runs already must be entered first
		e.decide()
	}
}

// HeedQueues returns once what was stored of queues up to a revision counts.
func (e *Engine) HeedQueues(ctx context.Context, revision int64) error {
	return e.queues.WaitFor(ctx, revision)
}

// Snapshot returns how all queues stand.
func (e *Engine) Snapshot(context.Context) (scheduler.Snapshot, error) {
	if e.Ready() != nil {
		return scheduler.Snapshot{}, e.errNotReady()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.scheduler.Snapshot(), nil
}
