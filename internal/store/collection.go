package store

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Item is a typed value with its place in the store.
type Item[M proto.Message] struct {
	Key            string // relative to the collection's prefix
	Value          M
	Revision       int64
	CreateRevision int64
}

// Collection is the set of values of one type under one key prefix.
type Collection[M proto.Message] struct {
	backend Backend
	prefix  string
}

// NewCollection returns the collection of values under prefix, which must end in "/".
func NewCollection[M proto.Message](backend Backend, prefix string) *Collection[M] {
	if prefix == "" || prefix[len(prefix)-1] != '/' {
		panic("store: collection prefix must end in a slash: " + prefix)
	}
	return &Collection[M]{backend: backend, prefix: prefix}
}

// Prefix returns the key prefix of the collection.
func (c *Collection[M]) Prefix() string { return c.prefix }

// Get returns one item; fault.NotFound when there is none.
func (c *Collection[M]) Get(ctx context.Context, key string) (Item[M], error) {
	e, err := c.backend.Get(ctx, c.prefix+key)
	if err != nil {
		return Item[M]{}, err
	}
	return c.decode(e)
}

// List returns the items whose keys start with keyPrefix, in key order, and the
// revision they were read at.
func (c *Collection[M]) List(ctx context.Context, keyPrefix string) ([]Item[M], int64, error) {
	return c.list(ctx, keyPrefix, func(M) bool { return false })
}

// list lists without the values that a function picks, none of which is held for long.
func (c *Collection[M]) list(ctx context.Context, keyPrefix string, out func(M) bool) ([]Item[M], int64, error) {
	entries, rev, err := c.backend.List(ctx, c.prefix+keyPrefix)
	if err != nil {
		return nil, 0, err
	}
	items := make([]Item[M], 0, len(entries))
	for i, e := range entries {
		item, err := c.decode(e)
		if err != nil {
			return nil, 0, err
		}
		if !out(item.Value) {
			items = append(items, item)
		}
		entries[i] = Entry{} // of tens of thousands, not all are to be there twice
	}
	return items, rev, nil
}

// fewestRead is how many entries are read at a time for a page.
const fewestRead = 500

// Page returns the first items behind a key that match, at most size of them unless that is
// 0, in key order; whether there are more; and a revision from which a watch misses nothing.
// Little more is read than what is looked at.
func (c *Collection[M]) Page(ctx context.Context, keyPrefix, after string, size int, match func(M) bool) (items []Item[M], more bool, revision int64, err error) {
	after = c.prefix + after
	for read := max(size+1, fewestRead); ; read *= 2 {
		entries, at, err := c.backend.Page(ctx, c.prefix+keyPrefix, after, read)
		if err != nil {
			return nil, false, 0, err
		}
		if revision == 0 {
			revision = at
		}
		for _, e := range entries {
			item, err := c.decode(e)
			if err != nil {
				return nil, false, 0, err
			}
			if !match(item.Value) {
				continue
			}
			if size > 0 && len(items) == size {
				return items, true, revision, nil
			}
			items = append(items, item)
		}
		if len(entries) < read {
			return items, false, revision, nil
		}
		after = entries[len(entries)-1].Key
	}
}

// Create stores a new value and returns its revision; fault.AlreadyExists when
// the key is taken.
func (c *Collection[M]) Create(ctx context.Context, key string, value M) (int64, error) {
	return c.commit(ctx, c.CreateOp(key, value))
}

// Update replaces the value last written at revision and returns the new
// revision; fault.Conflict when it has changed since. AnyRevision overwrites.
func (c *Collection[M]) Update(ctx context.Context, key string, value M, revision int64) (int64, error) {
	return c.commit(ctx, c.UpdateOp(key, value, revision))
}

// Delete removes the value last written at revision; fault.Conflict when it has
// changed since. With AnyRevision a missing key is not an error.
func (c *Collection[M]) Delete(ctx context.Context, key string, revision int64) error {
	_, err := c.commit(ctx, c.DeleteOp(key, revision))
	return err
}

// Modify reads, changes and writes one value, again and again until nobody
// interfered. An error of change ends it and is returned; a change that returns
// false leaves the value as it is. It returns the item as it then is.
func (c *Collection[M]) Modify(ctx context.Context, key string, change func(M) (bool, error)) (Item[M], error) {
	for {
		item, err := c.Get(ctx, key)
		if err != nil {
			return Item[M]{}, err
		}
		write, err := change(item.Value)
		if err != nil || !write {
			return item, err
		}
		rev, err := c.Update(ctx, key, item.Value, item.Revision)
		if err == nil {
			item.Revision = rev
			return item, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return Item[M]{}, err
		}
	}
}

// CreateOp is Create as part of a larger commit.
func (c *Collection[M]) CreateOp(key string, value M) Op { return c.UpdateOp(key, value, 0) }

// UpdateOp is Update as part of a larger commit.
func (c *Collection[M]) UpdateOp(key string, value M, revision int64) Op {
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("store: marshal %T: %v", value, err)) // only invalid UTF-8 in a string, which the API refuses
	}
	return Op{Key: c.prefix + key, Value: data, Expect: revision}
}

// DeleteOp is Delete as part of a larger commit.
func (c *Collection[M]) DeleteOp(key string, revision int64) Op {
	return Op{Key: c.prefix + key, Delete: true, Expect: revision}
}

// CheckOp makes the commit it is part of fail unless the key has the revision, 0
// for "does not exist".
func (c *Collection[M]) CheckOp(key string, revision int64) Op {
	return Op{Key: c.prefix + key, Check: true, Expect: revision}
}

func (c *Collection[M]) commit(ctx context.Context, op Op) (int64, error) {
	return c.backend.Commit(ctx, op)
}

func (c *Collection[M]) decode(e Entry) (Item[M], error) {
	value, err := unmarshal[M](e.Value)
	if err != nil {
		return Item[M]{}, fault.Internalf(err, "stored value %s cannot be read", e.Key)
	}
	return Item[M]{Key: e.Key[len(c.prefix):], Value: value, Revision: e.Revision, CreateRevision: e.CreateRevision}, nil
}

func unmarshal[M proto.Message](data []byte) (M, error) {
	var zero M
	value := zero.ProtoReflect().New().Interface().(M)
	return value, proto.Unmarshal(data, value)
}
