package etcd

import (
	"context"
	"errors"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kfmesh/kfmesh/internal/store"
)

// revokeTimeout is how long the end of a lease's context may take to tell etcd.
// When it fails, the lease runs out by itself.
const revokeTimeout = 2 * time.Second

// lease is kept alive by etcd's client; done closes when that gives up.
type lease struct {
	client *clientv3.Client
	id     clientv3.LeaseID
	done   chan struct{}
	stop   context.CancelFunc
}

// Grant implements store.Backend. The time to live is rounded up to seconds,
// and to what etcd allows at least. When ctx ends the lease is revoked.
func (b *Backend) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	seconds := int64((ttl + time.Second - 1) / time.Second)
	granted, err := b.client.Grant(ctx, max(seconds, 1))
	if err != nil {
		return nil, failure(ctx, err)
	}
	keepCtx, stop := context.WithCancel(ctx)
	alive, err := b.client.KeepAlive(keepCtx, granted.ID)
	if err != nil {
		stop()
		return nil, failure(ctx, err)
	}
	l := &lease{client: b.client, id: granted.ID, done: make(chan struct{}), stop: stop}
	go l.keep(ctx, alive)
	return l, nil
}

// keep drains what the renewals bring until they end.
func (l *lease) keep(ctx context.Context, alive <-chan *clientv3.LeaseKeepAliveResponse) {
	defer l.stop()
	for range alive { //nolint:revive // only the end matters
	}
	close(l.done)
	if ctx.Err() != nil {
		revokeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
		defer cancel()
		_, _ = l.client.Revoke(revokeCtx, l.id) // else it runs out
	}
}

// ID implements store.Lease.
func (l *lease) ID() int64 { return int64(l.id) }

// Done implements store.Lease.
func (l *lease) Done() <-chan struct{} { return l.done }

// Revoke implements store.Lease.
func (l *lease) Revoke(ctx context.Context) error {
	l.stop()
	_, err := l.client.Revoke(ctx, l.id)
	if err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return failure(ctx, err)
	}
	return nil
}
