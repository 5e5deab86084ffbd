package store

import (
	"context"

	"google.golang.org/protobuf/proto"
)

// Index maps a value to the strings it can be found by.
type Index[M proto.Message] func(key string, value M) []string

// Update tells a cache's observer that one item changed.
type Update[M proto.Message] struct {
	Item    Item[M] // the item after the change; as it last was when deleted
	Deleted bool
	Initial bool // part of the first listing
}

// Cache is a watch-fed copy of a collection, or of a part of it. Reads answer at
// once from memory and may lag behind the store; WaitFor closes the gap. Values
// returned are shared: callers clone before changing them.
type Cache[M proto.Message] struct {
	col   *Collection[M]
	state *cacheState[M]
}

// NewCache returns a cache of the collection with named indexes. Run fills it.
// observe, which may be nil, is called with every change, in order, from Run's
// goroutine, after the change can be read from the cache.
func NewCache[M proto.Message](col *Collection[M], indexes map[string]Index[M], observe func([]Update[M])) *Cache[M] {
	return &Cache[M]{col: col, state: newCacheState(indexes, observe)}
}

// Without has the cache leave out the values that a function picks, as if they were
// deleted: they take no memory. It is called before Run.
func (c *Cache[M]) Without(out func(M) bool) *Cache[M] {
	c.state.out = out
	return c
}

// Run lists and watches until ctx ends, listing anew whenever the watch is lost.
// It returns ctx's error, or fault.Internal at a value that cannot be read.
func (c *Cache[M]) Run(ctx context.Context) error { return c.state.run(ctx, c.col) }

// WaitSynced returns once the first listing is in.
func (c *Cache[M]) WaitSynced(ctx context.Context) error { return c.state.waitFor(ctx, 1) }

// WaitFor returns once the cache has seen revision.
func (c *Cache[M]) WaitFor(ctx context.Context, revision int64) error {
	return c.state.waitFor(ctx, revision)
}

// Get returns one item and whether it exists.
func (c *Cache[M]) Get(key string) (Item[M], bool) { return c.state.get(key) }

// List returns the items whose keys start with keyPrefix, in key order.
func (c *Cache[M]) List(keyPrefix string) []Item[M] { return c.state.list(keyPrefix) }

// Find returns the items that the named index lists under value, in key order.
func (c *Cache[M]) Find(index, value string) []Item[M] { return c.state.find(index, value) }

// Len returns the number of items.
func (c *Cache[M]) Len() int { return c.state.len() }
