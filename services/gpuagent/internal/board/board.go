// Package board is what an agent knows of all workloads right now, and tells
// those who watch.
//
// Two sources feed it: the store's watch (Observe), and the engine for workloads
// of its own node (Publish), which is ahead of the store because a workload's
// progress is written behind. An entry never goes back: what the store says
// counts only above the revision that the engine last published.
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
	entries map[string]*gpuagentv1.Workload // guarded by mu
	gone    map[string]int64                // guarded by mu; revision at which a key was removed here
	watches map[*Watch]struct{}             // guarded by mu
}

// New returns an empty board.
func New() *Board {
	return &Board{
		entries: map[string]*gpuagentv1.Workload{},
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
		if u.Deleted {
			delete(b.gone, key)
			if held, ok := b.entries[key]; ok && revisionOf(held) <= revision {
				b.remove(key)
			}
			continue
		}
		held, ok := b.entries[key]
		if ok && revision <= revisionOf(held) || revision <= b.gone[key] {
			continue
		}
		b.put(key, stamp(u.Item.Value, revision))
	}
}

// Publish puts up a workload of this node. Its resource_version is the revision
// it was last stored at.
func (b *Board) Publish(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.put(state.KeyOf(w.GetMetadata()), w)
}

// Stored notes at which revision the store now has a published workload. Nobody
// is told: nothing else of it has changed.
func (b *Board) Stored(w *gpuagentv1.Workload, revision int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := state.KeyOf(w.GetMetadata())
	held, ok := b.entries[key]
	if ok && held.GetMetadata().GetUid() == w.GetMetadata().GetUid() && revisionOf(held) < revision {
		b.entries[key] = stamp(held, revision)
	}
}

// Remove takes down a workload that was deleted. Whatever the store's watch
// still has to say of it up to that deletion is not heard.
func (b *Board) Remove(w *gpuagentv1.Workload) {
	b.mu.Lock()
	defer b.mu.Unlock()
	key := state.KeyOf(w.GetMetadata())
	held, ok := b.entries[key]
	if !ok || held.GetMetadata().GetUid() != w.GetMetadata().GetUid() {
		return
	}
	b.gone[key] = revisionOf(held)
	b.remove(key)
}

// Get returns a workload and whether there is one.
func (b *Board) Get(key string) (*gpuagentv1.Workload, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	w, ok := b.entries[key]
	return w, ok
}

// List returns the matching workloads, oldest first.
func (b *Board) List(match Match) []*gpuagentv1.Workload {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.list(match)
}

func (b *Board) list(match Match) []*gpuagentv1.Workload {
	var found []*gpuagentv1.Workload
	for _, w := range b.entries {
		if match(w) {
			found = append(found, w)
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

// put puts up a workload and tells who watches. The caller holds mu.
func (b *Board) put(key string, w *gpuagentv1.Workload) {
	_, existed := b.entries[key]
	b.entries[key] = w
	kind := gpuagentv1.WorkloadEvent_TYPE_CREATED
	if existed {
		kind = gpuagentv1.WorkloadEvent_TYPE_UPDATED
	}
	b.tell(key, kind, w)
}

// remove takes down a workload and tells who watches. The caller holds mu.
func (b *Board) remove(key string) {
	w := b.entries[key]
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

func revisionOf(w *gpuagentv1.Workload) int64 { return w.GetMetadata().GetResourceVersion() }

// stamp returns the workload with its resource_version set; w itself is not changed.
func stamp(w *gpuagentv1.Workload, revision int64) *gpuagentv1.Workload {
	stamped := proto.CloneOf(w)
	stamped.Metadata.ResourceVersion = revision
	return stamped
}
