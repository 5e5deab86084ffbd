package store

import (
	"context"
	"time"
)

// memoryLease lives until it is revoked or the context it was granted under
// ends: a store in the same process cannot lose its holder any other way.
type memoryLease struct {
	id    int64
	store *Memory
	done  chan struct{}
	stop  func() bool // no longer waits for the context
}

// Grant implements Backend. A memory lease ends with ctx at once; ttl plays no part.
func (m *Memory) Grant(ctx context.Context, _ time.Duration) (Lease, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.granted++
	l := &memoryLease{id: m.granted, store: m, done: make(chan struct{})}
	l.stop = context.AfterFunc(ctx, func() { m.end(l) })
	m.leases[l.id] = l
	return l, nil
}

// ID implements Lease.
func (l *memoryLease) ID() int64 { return l.id }

// Done implements Lease.
func (l *memoryLease) Done() <-chan struct{} { return l.done }

// Revoke implements Lease.
func (l *memoryLease) Revoke(context.Context) error {
	l.store.end(l)
	return nil
}

// end deletes the keys of a lease in one commit. Ending it twice is no error.
func (m *Memory) end(l *memoryLease) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.leases[l.id] == nil {
		return
	}
	l.stop()
	delete(m.leases, l.id)
	var ops []Op
	for _, key := range m.keys {
		if m.entries[key].lease == l {
			ops = append(ops, Op{Key: key, Delete: true, Expect: AnyRevision})
		}
	}
	if len(ops) > 0 {
		m.apply(ops)
	}
	close(l.done)
}
