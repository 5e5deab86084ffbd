package store

import (
	"context"
	"time"
)

// memoryLease lives until it is revoked or the context it was granted under
// ends: a store in the same process cannot lose its holder any other way. One that
// was lent lives until it is recalled or not renewed.
type memoryLease struct {
	id    int64
	store *Memory
	done  chan struct{}
	stop  func() bool // no longer waits for the context, or the time
	ttl   time.Duration
	timer *time.Timer // of a lease that was lent
}

// Grant implements Backend. A memory lease ends with ctx at once; ttl plays no part.
func (m *Memory) Grant(ctx context.Context, _ time.Duration) (Lease, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.newLease()
	l.stop = context.AfterFunc(ctx, func() { m.end(l) })
	return l, nil
}

// newLease enters a lease that nothing ends yet. The caller holds mu.
func (m *Memory) newLease() *memoryLease {
	m.granted++
	l := &memoryLease{id: m.granted, store: m, done: make(chan struct{})}
	m.leases[l.id] = l
	return l
}

// Lend implements Lessor.
func (m *Memory) Lend(ctx context.Context, ttl time.Duration) (int64, time.Duration, error) {
	if err := alive(ctx); err != nil {
		return 0, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.newLease()
	l.ttl, l.timer = ttl, time.AfterFunc(ttl, func() { m.end(l) })
	l.stop = l.timer.Stop
	return l.id, ttl, nil
}

// Renew implements Lessor.
func (m *Memory) Renew(ctx context.Context, id int64) (time.Duration, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[id]
	if l == nil || l.timer == nil || !l.timer.Stop() {
		return 0, ErrLeaseEnded(id)
	}
	l.timer.Reset(l.ttl)
	return l.ttl, nil
}

// Recall implements Lessor.
func (m *Memory) Recall(_ context.Context, id int64) error {
	m.mu.Lock()
	l := m.leases[id]
	m.mu.Unlock()
	if l != nil {
		m.end(l)
	}
	return nil
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
