package etcd

import (
	"context"
	"errors"
	"math"
	"sync"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kfmesh/kfmesh/internal/store"
)

// revokeTimeout bounds the farewell of a lease whose context has ended.
const revokeTimeout = 2 * time.Second

// lease is an etcd lease that is kept alive.
type lease struct {
	client *clientv3.Client
	id     clientv3.LeaseID
	stop   context.CancelFunc // ends the keeping alive
	done   chan struct{}
	once   sync.Once
}

// Grant implements store.Backend. etcd counts whole seconds: ttl is rounded up.
func (b *Backend) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	if err := alive(ctx); err != nil {
		return nil, err
	}
	granted, err := b.client.Grant(ctx, int64(math.Ceil(ttl.Seconds())))
	if err != nil {
		return nil, translate(ctx, err)
	}
	keepCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
	answers, err := b.client.KeepAlive(keepCtx, granted.ID)
	if err != nil {
		stop()
		return nil, translate(ctx, err)
	}
	l := &lease{client: b.client, id: granted.ID, stop: stop, done: make(chan struct{})}
	go l.follow(ctx, answers)
	return l, nil
}

// Lend implements store.Lessor. etcd counts whole seconds: ttl is rounded up.
func (b *Backend) Lend(ctx context.Context, ttl time.Duration) (int64, time.Duration, error) {
	if err := alive(ctx); err != nil {
		return 0, 0, err
	}
	granted, err := b.client.Grant(ctx, int64(math.Ceil(ttl.Seconds())))
	if err != nil {
		return 0, 0, translate(ctx, err)
	}
	return int64(granted.ID), time.Duration(granted.TTL) * time.Second, nil
}

// Renew implements store.Lessor.
func (b *Backend) Renew(ctx context.Context, id int64) (time.Duration, error) {
	if err := alive(ctx); err != nil {
		return 0, err
	}
	renewed, err := b.client.KeepAliveOnce(ctx, clientv3.LeaseID(id))
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return 0, store.ErrLeaseEnded(id)
	}
	if err != nil {
		return 0, translate(ctx, err)
	}
	return time.Duration(renewed.TTL) * time.Second, nil
}

// Recall implements store.Lessor.
func (b *Backend) Recall(ctx context.Context, id int64) error {
	if _, err := b.client.Revoke(ctx, clientv3.LeaseID(id)); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return translate(ctx, err)
	}
	return nil
}

// follow drains the answers to the keeping alive until they end, and gives the
// lease back when the context it was granted under ends.
func (l *lease) follow(ctx context.Context, answers <-chan *clientv3.LeaseKeepAliveResponse) {
	defer l.end()
	for {
		select {
		case _, ok := <-answers:
			if !ok {
				return
			}
		case <-l.done:
			return
		case <-ctx.Done():
			farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
			defer cancel()
			_ = l.Revoke(farewell) // unreachable: the lease runs out by itself
			return
		}
	}
}

// ID implements store.Lease.
func (l *lease) ID() int64 { return int64(l.id) }

// Done implements store.Lease.
func (l *lease) Done() <-chan struct{} { return l.done }

// Revoke implements store.Lease.
func (l *lease) Revoke(ctx context.Context) error {
	l.end()
	return New(l.client).Recall(ctx, l.ID())
}

func (l *lease) end() {
	l.once.Do(func() {
		l.stop()
		close(l.done)
	})
}
