package engine

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/volume"
)

// CreateVolume makes a volume, on the node that it names. It is stored together with the
// guard, such as the fence of a leader; when that does not hold, nothing is made.
func (e *Engine) CreateVolume(ctx context.Context, v *gpuagentv1.PersistentVolume, guard ...store.Op) (*gpuagentv1.PersistentVolume, error) {
	if node := v.GetMetadata().GetLabels()[volume.NodeLabel]; node != "" && node != e.Node {
		if _, known := e.nodes.Get(node); !known {
			return nil, fault.Preconditionf("there is no node %s now for a volume to be on; kfmesh get nodes lists them", node).WithReason("NODE_NOT_FOUND")
		}
	}
	return e.Volumes.Create(ctx, v, guard...)
}

// DeleteVolume has a volume go: at once when nothing that runs mounts it, and
// otherwise at the end of the last workload that does. The wish is stored first.
func (e *Engine) DeleteVolume(ctx context.Context, namespace, name string) error {
	if err := e.Volumes.Doom(ctx, namespace, name); err != nil {
		return err
	}
	if e.Ready() == nil { // otherwise begin does it, once it is known who mounts it
		return e.reap(ctx, namespace, name)
	}
	return nil
}

// reap removes a doomed volume, unless it is mounted.
func (e *Engine) reap(ctx context.Context, namespace, name string) error {
	key := state.Key(namespace, name)
	return e.Volumes.Reap(ctx, namespace, name, func() bool { return e.mounted(key) })
}

// mounted reports whether a workload that is placed, and so may run, mounts a volume.
func (e *Engine) mounted(key string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lives {
		if l.isPlaced() && claims(l.w)[key] {
			return true
		}
	}
	return false
}

func (l *life) isPlaced() bool {
	select {
	case <-l.placed:
		return true
	default:
		return false
	}
}

// claims are the keys of the volumes that a workload mounts. They do not change.
func claims(w *gpuagentv1.Workload) map[string]bool {
	var keys map[string]bool
	for _, group := range w.GetSpec().GetGroups() {
		for _, v := range group.GetTemplate().GetVolumes() {
			if v.GetClaim() == "" {
				continue
			}
			if keys == nil {
				keys = map[string]bool{}
			}
			keys[state.Key(w.GetMetadata().GetNamespace(), v.GetClaim())] = true
		}
	}
	return keys
}

// letGo deals with the volumes that a workload has mounted to its end: those that
// wait to be removed are, and of the others it is counted what is in them.
func (e *Engine) letGo(w *gpuagentv1.Workload) {
	for key := range claims(w) {
		e.spawn(func(ctx context.Context) { e.tend(ctx, key) })
	}
}

func (e *Engine) tend(ctx context.Context, key string) {
	item, known := e.volumes.Get(key)
	if !known || item.Value.GetStatus().GetNode() != e.Node {
		return
	}
	m := item.Value.GetMetadata()
	err := e.reap(ctx, m.GetNamespace(), m.GetName())
	if err == nil && !item.Value.GetStatus().GetDeleting() {
		err = e.Volumes.Measure(ctx, m.GetNamespace(), m.GetName())
	}
	if err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "volume is not seen to", "volume", key, "error", err)
	}
}

// observeVolumes hears of every change of a volume and removes those of this node
// that are to go, whoever was asked for it.
func (e *Engine) observeVolumes(updates []store.Update[*gpuagentv1.PersistentVolume]) {
	if e.Ready() != nil {
		return // begin does it, once it is known who mounts them
	}
	for _, u := range updates {
		if !u.Deleted && u.Item.Value.GetStatus().GetDeleting() {
			e.spawn(func(ctx context.Context) { e.tend(ctx, u.Item.Key) })
		}
	}
}

// reapAll goes on with the deletions that an earlier agent has begun.
func (e *Engine) reapAll(ctx context.Context) {
	for _, item := range e.volumes.List("") {
		if item.Value.GetStatus().GetDeleting() {
			e.tend(ctx, item.Key)
		}
	}
}
