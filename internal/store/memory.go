package store

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// historyCommits is how many commits a Memory remembers for its watchers.
const historyCommits = 4096

// Memory is a Backend that lives and dies with the process: for tests, and for
// a service that is to leave nothing behind.
type Memory struct {
	mu      sync.Mutex
	entries map[string]held        // guarded by mu
	keys    keySet                 // guarded by mu
	rev     int64                  // guarded by mu
	history [][]Change             // guarded by mu; the last is of revision rev, and no revision is skipped
	changed chan struct{}          // guarded by mu; closed and replaced with every commit
	leases  map[int64]*memoryLease // guarded by mu
	granted int64                  // guarded by mu; id of the latest lease
}

// held is an entry and the lease it is held under, nil when none.
type held struct {
	Entry
	lease *memoryLease
}

// NewMemory returns an empty store at revision 1.
func NewMemory() *Memory {
	return &Memory{
		entries: map[string]held{},
		leases:  map[int64]*memoryLease{},
		rev:     1,
		changed: make(chan struct{}),
	}
}

// Get implements Backend.
func (m *Memory) Get(ctx context.Context, key string) (Entry, error) {
	if err := alive(ctx); err != nil {
		return Entry{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.entries[key]
	if !ok {
		return Entry{}, fault.NotFoundf("%s does not exist", key)
	}
	return h.Entry, nil
}

// List implements Backend.
func (m *Memory) List(ctx context.Context, prefix string) ([]Entry, int64, error) {
	if err := alive(ctx); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.pick(m.keys.under(prefix)), m.rev, nil
}

// Page implements Backend.
func (m *Memory) Page(ctx context.Context, prefix, after string, limit int) ([]Entry, int64, error) {
	if err := alive(ctx); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	keys := m.keys.under(prefix)
	from, found := slices.BinarySearch(keys, after)
	if found {
		from++
	}
	keys = keys[from:]
	return m.pick(keys[:min(limit, len(keys))]), m.rev, nil
}

// pick returns the entries of keys. The caller holds mu.
func (m *Memory) pick(keys []string) []Entry {
	entries := make([]Entry, 0, len(keys))
	for _, key := range keys {
		entries = append(entries, m.entries[key].Entry)
	}
	return entries
}

// Commit implements Backend.
func (m *Memory) Commit(ctx context.Context, ops ...Op) (int64, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	if err := CheckOps(ops); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range ops {
		if err := m.check(op); err != nil {
			return 0, err
		}
	}
	return m.apply(ops), nil
}

// check says whether an op may be applied. The caller holds mu.
func (m *Memory) check(op Op) error {
	if err := CheckExpect(op, m.entries[op.Key].Revision); err != nil {
		return err
	}
	if op.Lease != nil && m.leases[op.Lease.ID()] == nil {
		return ErrLeaseEnded(op.Lease.ID())
	}
	return nil
}

// apply writes the ops as one commit and returns its revision; ops that change
// nothing make no commit. The caller holds mu.
func (m *Memory) apply(ops []Op) int64 {
	changes := make([]Change, 0, len(ops))
	for _, op := range ops {
		prev, existed := m.entries[op.Key]
		switch {
		case op.Check, op.Delete && !existed:
		case op.Delete:
			delete(m.entries, op.Key)
			m.keys.remove(op.Key)
			changes = append(changes, Change{Entry: Entry{Key: op.Key, Revision: m.rev + 1}, Deleted: true, Prev: prev.Value})
		default:
			h := m.next(op, prev)
			m.entries[op.Key] = h
			m.keys.add(op.Key)
			changes = append(changes, Change{Entry: h.Entry, Prev: prev.Value})
		}
	}
	if len(changes) > 0 {
		m.record(changes)
	}
	return m.rev
}

// next returns what a key holds after op. The caller holds mu.
func (m *Memory) next(op Op, prev held) held {
	h := held{Entry: Entry{Key: op.Key, Value: bytes.Clone(op.Value), Revision: m.rev + 1, CreateRevision: prev.CreateRevision}}
	if prev.Revision == 0 {
		h.CreateRevision = h.Revision
	}
	if op.Lease != nil {
		h.lease = m.leases[op.Lease.ID()]
	}
	return h
}

// record makes changes the next commit and wakes the watchers. The caller holds mu.
func (m *Memory) record(changes []Change) {
	m.rev++
	if len(m.history) >= 2*historyCommits {
		m.history = append([][]Change(nil), m.history[historyCommits:]...)
	}
	m.history = append(m.history, changes)
	close(m.changed)
	m.changed = make(chan struct{})
}

// Watch implements Backend.
func (m *Memory) Watch(ctx context.Context, prefix string, after int64) (<-chan []Change, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	out := make(chan []Change)
	go func() {
		defer close(out)
		for {
			changes, at, changed, ok := m.since(prefix, after)
			if !ok {
				return
			}
			after = at
			if len(changes) > 0 {
				select {
				case out <- changes:
				case <-ctx.Done():
					return
				}
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

// since returns the changes under prefix after a revision, the revision they
// lead to, and a channel that the next commit closes; false when they are no
// longer kept.
func (m *Memory) since(prefix string, after int64) ([]Change, int64, <-chan struct{}, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := m.rev - int64(len(m.history)) // the revision before the oldest commit kept
	if known == 1 {
		known = 0 // nothing was forgotten: revision 1 is the empty store
	}
	if after < known {
		return nil, 0, nil, false
	}
	var out []Change
	missed := min(max(m.rev-after, 0), int64(len(m.history)))
	for _, commit := range m.history[int64(len(m.history))-missed:] {
		for _, c := range commit {
			if strings.HasPrefix(c.Key, prefix) {
				out = append(out, c)
			}
		}
	}
	return out, max(m.rev, after), m.changed, true
}

// alive returns the fault of a context that has ended.
func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fault.New(fault.Canceled, "the request was given up").WithCause(err)
	}
	return nil
}
