package store

import (
	"context"
	"sync"

	"google.golang.org/protobuf/proto"
)

// cacheState is what a Cache holds in memory. Only Run's goroutine writes.
type cacheState[M proto.Message] struct {
	indexes map[string]Index[M]
	observe func([]Update[M])
	out     func(M) bool // picks what is left out; set before run

	mu       sync.RWMutex
	items    map[string]Item[M]           // guarded by mu
	keys     keySet                       // guarded by mu
	found    map[string]map[string]keySet // guarded by mu; index, value, keys
	revision int64                        // guarded by mu; 0 until the first listing is in
	advanced chan struct{}                // guarded by mu; closed and replaced when revision grows
}

func newCacheState[M proto.Message](indexes map[string]Index[M], observe func([]Update[M])) *cacheState[M] {
	s := &cacheState[M]{
		indexes:  indexes,
		observe:  observe,
		out:      func(M) bool { return false },
		items:    map[string]Item[M]{},
		found:    map[string]map[string]keySet{},
		advanced: make(chan struct{}),
	}
	for name := range indexes {
		s.found[name] = map[string]keySet{}
	}
	return s
}

// apply takes updates in and then tells the observer. Of a deletion only the
// key need be known; one of a key that is not held is dropped.
func (s *cacheState[M]) apply(updates []Update[M], revision int64) {
	if applied := s.take(updates); s.observe != nil && len(applied) > 0 {
		s.observe(applied)
	}
	s.advance(revision)
}

// take applies updates and returns them with the deleted items filled in.
func (s *cacheState[M]) take(updates []Update[M]) []Update[M] {
	s.mu.Lock()
	defer s.mu.Unlock()
	applied := updates[:0]
	for _, u := range updates {
		if u.Deleted {
			item, held := s.items[u.Item.Key]
			if !held {
				continue
			}
			u.Item = item
			s.drop(item.Key)
		} else {
			s.put(u.Item)
		}
		applied = append(applied, u)
	}
	return applied
}

// advance lets those go who wait for a revision up to this one. It comes after
// the observer so that whoever has waited finds the observer's work done too.
func (s *cacheState[M]) advance(revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if revision > s.revision {
		s.revision = revision
		close(s.advanced)
		s.advanced = make(chan struct{})
	}
}

// put replaces one item. The caller holds mu.
func (s *cacheState[M]) put(item Item[M]) {
	s.drop(item.Key)
	s.items[item.Key] = item
	s.keys.add(item.Key)
	for name, index := range s.indexes {
		for _, value := range index(item.Key, item.Value) {
			keys := s.found[name][value]
			keys.add(item.Key)
			s.found[name][value] = keys
		}
	}
}

// drop removes one item if it is there. The caller holds mu.
func (s *cacheState[M]) drop(key string) {
	item, ok := s.items[key]
	if !ok {
		return
	}
	delete(s.items, key)
	s.keys.remove(key)
	for name, index := range s.indexes {
		for _, value := range index(item.Key, item.Value) {
			keys := s.found[name][value]
			keys.remove(key)
			if s.found[name][value] = keys; len(keys) == 0 {
				delete(s.found[name], value)
			}
		}
	}
}

// difference returns the updates that lead from what is held to listed.
func (s *cacheState[M]) difference(listed []Item[M]) []Update[M] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var updates []Update[M]
	present := make(map[string]struct{}, len(listed))
	for _, item := range listed {
		present[item.Key] = struct{}{}
		if s.items[item.Key].Revision != item.Revision {
			updates = append(updates, Update[M]{Item: item, Initial: s.revision == 0})
		}
	}
	for _, key := range s.keys {
		if _, ok := present[key]; !ok {
			updates = append(updates, Update[M]{Item: Item[M]{Key: key}, Deleted: true})
		}
	}
	return updates
}

func (s *cacheState[M]) waitFor(ctx context.Context, revision int64) error {
	for {
		s.mu.RLock()
		reached, advanced := s.revision >= revision, s.advanced
		s.mu.RUnlock()
		if reached {
			return nil
		}
		select {
		case <-advanced:
		case <-ctx.Done():
			return alive(ctx)
		}
	}
}

func (s *cacheState[M]) get(key string) (Item[M], bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	item, ok := s.items[key]
	return item, ok
}

func (s *cacheState[M]) list(prefix string) []Item[M] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pick(s.keys.under(prefix))
}

func (s *cacheState[M]) find(index, value string) []Item[M] {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.indexes[index] == nil {
		panic("store: the cache has no index " + index)
	}
	return s.pick(s.found[index][value])
}

// pick returns the items of keys. The caller holds mu.
func (s *cacheState[M]) pick(keys []string) []Item[M] {
	items := make([]Item[M], 0, len(keys))
	for _, key := range keys {
		items = append(items, s.items[key])
	}
	return items
}

func (s *cacheState[M]) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.keys)
}
