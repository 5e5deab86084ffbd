// Package board is what an agent knows of all workloads right now, and tells
// those who watch.
//
// Two sources feed it: the store's watch (Observe), and the engine for workloads
// of its own node (Publish). The engine is ahead of the store, because a workload's
// progress is written behind, so once it has published a workload the store's
// watch is heard on its deletion only, and an entry never goes back.
//
// Workloads on the board are shared and must not be changed. A Board is safe for
// concurrent use; no caller waits for a watcher.
package board

import (
	"cmp"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Match selects workloads.
type Match func(*gpuagentv1.Workload) bool

// Board is the current workloads by key.
type Board struct {
	mu      sync.RWMutex
	entries map[string]entry    // guarded by mu
	gone    map[string]int64    // guarded by mu; revision up to which the watch is not heard on a removed key
	watches map[*Watch]struct{} // guarded by mu
}

// entry is a workload as it is.
type entry struct {
	workload  *gpuagentv1.Workload
	published bool // by the engine of this node
}

func (e entry) revision() int64 { return e.workload.GetMetadata().GetResourceVersion() }

func (e entry) uid() string { return e.workload.GetMetadata().GetUid() }

// New returns an empty board.
func New() *Board {
	return &Board{
		entries: map[string]entry{},
		gone:    map[string]int64{},
		watches: map[*Watch]struct{}{},
	}
}

// Observe takes in what the store's watch reports.
func (b *Board) Observe(updates []store.Update[*gpuagentv1.Workload]) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, u := range updates {
		key, revision := u.Item.Key, u.Item.Revision
		held, ok := b.entries[key]
		same := ok && held.uid() == u.Item.Value.GetMetadata().GetUid()
		switch {
		case u.Deleted:
			delete(b.gone, key)
			if same {
				b.remove(key)
			}
		case revision <= b.gone[key], same && (held.published || revision <= held.revision()):
		case ok && !same && revision <= held.revision(): // of an earlier workload of that name
		default:
			b.put(key, entry{workload: stamp(u.Item.Value, revision)})
		}
	}
}

// Publish puts up a workload of this node. Its resource_version is the revision
// it was last stored at.
func (b *Board) Publish(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(state.KeyOf(w.GetMetadata()), entry{workload: w, published: true})
}

// Stored notes at which revision the store now has a published workload. Nobody
// is told: nothing else of it has changed.
func (b *Board) Stored(w *gpuagentv1.Workload, revision int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := state.KeyOf(w.GetMetadata())
	held, ok := b.entries[key]
	if ok && held.uid() == w.GetMetadata().GetUid() && held.revision() < revision {
		held.workload = stamp(held.workload, revision)
		b.entries[key] = held
	}
}

// Remove takes down a workload that was deleted. Whatever the store's watch
// still has to say of it up to that deletion is not heard.
func (b *Board) Remove(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := state.KeyOf(w.GetMetadata())
	held, ok := b.entries[key]
	if !ok || held.uid() != w.GetMetadata().GetUid() {
		return
	}
	b.gone[key] = held.revision()
	b.remove(key)
}

// Get returns a workload and whether there is one.
func (b *Board) Get(key string) (*gpuagentv1.Workload, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	held, ok := b.entries[key]
	return held.workload, ok
}

// List returns the matching workloads, oldest first.
func (b *Board) List(match Match) []*gpuagentv1.Workload {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.list(match)
}

func (b *Board) list(match Match) []*gpuagentv1.Workload {
	var found []*gpuagentv1.Workload
	for _, held := range b.entries {
		if match(held.workload) {
			found = append(found, held.workload)
		}
	}
	slices.SortFunc(found, Older)
	return found
}

// Older orders workloads by creation, then by key.
func Older(x, y *gpuagentv1.Workload) int {
	return cmp.Or(
		x.GetMetadata().GetCreateTime().AsTime().Compare(y.GetMetadata().GetCreateTime().AsTime()),
		cmp.Compare(state.KeyOf(x.GetMetadata()), state.KeyOf(y.GetMetadata())),
	)
}

func (b *Board) put(key string, e entry) {
	_, existed := b.entries[key]
	b.entries[key] = e
	kind := gpuagentv1.WorkloadEvent_TYPE_CREATED
	if existed {
		kind = gpuagentv1.WorkloadEvent_TYPE_UPDATED
	}
	b.tell(key, kind, e.workload)
}

func (b *Board) remove(key string) {
	w := b.entries[key].workload
	delete(b.entries, key)
	b.tell(key, gpuagentv1.WorkloadEvent_TYPE_DELETED, w)
}

func (b *Board) tell(key string, kind gpuagentv1.WorkloadEvent_Type, w *gpuagentv1.Workload) {
	for watch := range b.watches {
		if watch.match(w) {
			watch.add(key, &gpuagentv1.WorkloadEvent{Type: kind, Workload: w})
		}
	}
}

// stamp returns the workload with its resource_version set; w itself is not changed,
// and what else it has is shared.
func stamp(w *gpuagentv1.Workload, revision int64) *gpuagentv1.Workload {
	m := proto.CloneOf(w.GetMetadata())
	m.ResourceVersion = revision
	return &gpuagentv1.Workload{Metadata: m, Spec: w.GetSpec(), Status: w.GetStatus()}
}
