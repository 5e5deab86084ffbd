package recur

import (
	"maps"
	"slices"
	"sync"
)

// changed is the set of recurring runs about which there is news. It has one
// reader and never blocks a writer.
type changed struct {
	ready chan struct{} // holds a token while ids may be there

	mu  sync.Mutex
	ids map[string]struct{} // guarded by mu
}

func newChanged() *changed {
	return &changed{ready: make(chan struct{}, 1), ids: map[string]struct{}{}}
}

func (c *changed) put(id string) {
	c.mu.Lock()
	c.ids[id] = struct{}{}
	c.mu.Unlock()
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// take removes and returns all ids, sorted.
func (c *changed) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := slices.Sorted(maps.Keys(c.ids))
	clear(c.ids)
	return ids
}
