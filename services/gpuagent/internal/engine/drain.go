package engine

import (
	"context"
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Drain has a node take no more workloads, and stops, within their grace periods, those on it
// that bear being disrupted: they wait to run anew, elsewhere. The others run on to their
// ends. It returns as soon as they are told.
func (e *Engine) Drain(ctx context.Context, name, reason string) (*gpuagentv1.Node, error) {
	n, err := e.Cordon(ctx, name, false, reason)
	if err != nil {
		return nil, err
	}
	because := fmt.Sprintf("node %s is drained", name)
	if reason != "" {
		because += ": " + reason
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if item, there := e.nodes.Get(name); there {
		e.enlist(item) // before anything is stopped, or it would be placed there again
	}
	e.vacate(name, because)
	return n, nil
}

// vacate stops what runs on a node and bears being disrupted. The engine is locked.
func (e *Engine) vacate(node, because string) {
	for _, l := range e.lives {
		if l.spec.GetDisruptible() && l.runsOn(node) {
			l.stop(&preemption{because: because})
		}
	}
}

// runsOn reports whether a replica is on a node that has not ended.
func (l *life) runsOn(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.w.GetStatus().GetReplicas() {
		if r.GetNode() == node && !state.Ended(r.GetPhase()) {
			return true
		}
	}
	return false
}
