package remote

import (
	"context"
	"sync"
	"time"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// A lease is renewed when a third of its life has passed; a renewal that got no
// answer in another third, or failed, is tried again.
const renewals = 3

// The shortest and longest pause after a renewal failed.
const (
	shortestRetry = 20 * time.Millisecond
	longestRetry  = time.Second
)

// lease is a lease of the server's that is kept alive from here.
type lease struct {
	client doorv1.StoreServiceClient
	id     int64
	done   chan struct{}
	once   sync.Once
	timer  *time.Timer // ends the lease at its deadline

	mu       sync.Mutex
	sent     boottime.Instant // guarded by mu
	deadline boottime.Instant // guarded by mu
	lives    time.Duration    // guarded by mu; from one renewal on
}

var _ store.Expiring = (*lease)(nil)

// Grant implements store.Backend. The lease is a store.Expiring. When ctx ends it is
// renewed no more, and runs out by itself at its deadline: what it guards may outlive
// whoever asked for it. Who wants its keys gone at once revokes it.
func (b *Backend) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	sent := boottime.Now()
	granted, err := b.client.Grant(ctx, &doorv1.GrantRequest{TtlMillis: max(1, ttl.Milliseconds())})
	if err != nil {
		return nil, err
	}
	l := &lease{client: b.client, id: granted.GetId(), done: make(chan struct{})}
	l.timer = time.AfterFunc(ttl, l.end)
	l.renewed(sent, granted)
	go l.keep(ctx)
	return l, nil
}

// ID implements store.Lease.
func (l *lease) ID() int64 { return l.id }

// Done implements store.Lease.
func (l *lease) Done() <-chan struct{} { return l.done }

// Held implements store.Expiring.
func (l *lease) Held() (from, to boottime.Instant) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent, l.deadline
}

// Revoke implements store.Lease.
func (l *lease) Revoke(ctx context.Context) error {
	l.end()
	_, err := l.client.Revoke(ctx, &doorv1.RevokeRequest{Id: l.id})
	return err
}

// renewed moves the deadline on after a request that was sent at a time has been
// answered. A lease that has ended stays so.
func (l *lease) renewed(sent boottime.Instant, answer *doorv1.Lease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lives = time.Duration(answer.GetTtlMillis()) * time.Millisecond
	deadline := sent.Add(l.lives)
	if l.timer.Stop() {
		l.sent, l.deadline = sent, deadline
		l.timer.Reset(deadline.Sub(boottime.Now()))
	}
}

// keep renews the lease until it has ended, or the context it was granted under has.
func (l *lease) keep(ctx context.Context) {
	defer l.timer.Stop()
	pause := l.third()
	retry := shortestRetry
	for {
		select {
		case <-time.After(pause):
		case <-l.done:
			return
		case <-ctx.Done():
			l.end()
			return
		}
		err := l.renew(ctx)
		switch {
		case err == nil:
			pause, retry = l.third(), shortestRetry
		case fault.Is(err, fault.Precondition), fault.Is(err, fault.Denied):
			l.end()
			return
		default:
			pause, retry = retry, min(2*retry, longestRetry)
		}
	}
}

// renew asks for the lease's renewal once.
func (l *lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, l.third())
	defer cancel()
	sent := boottime.Now()
	answer, err := l.client.KeepAlive(ctx, &doorv1.KeepAliveRequest{Id: l.id})
	if err == nil {
		l.renewed(sent, answer)
	}
	return err
}

func (l *lease) third() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lives / renewals
}

func (l *lease) end() { l.once.Do(func() { close(l.done) }) }
