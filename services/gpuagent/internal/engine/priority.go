package engine

import (
	"context"
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// prioritize gives a new workload the priority that its class has now. A class that
// nobody has made is a warning: the same manifests run on clusters that have it.
func (e *Engine) prioritize(w *gpuagentv1.Workload) {
	name := w.GetSpec().GetPriorityClass()
	if name == "" || w.GetSpec().GetPriority() != 0 {
		return
	}
	if item, known := e.classes.Get(name); known {
		w.Spec.Priority = item.Value.GetValue()
		return
	}
	w.Status.Warnings = append(w.Status.Warnings,
		fmt.Sprintf("there is no priority class %s: it has the priority of its queue; kfmesh create priorityclass makes one", name))
}

// HeedPriorityClasses returns once what was stored of priority classes up to a revision counts.
func (e *Engine) HeedPriorityClasses(ctx context.Context, revision int64) error {
	return e.classes.WaitFor(ctx, revision)
}
