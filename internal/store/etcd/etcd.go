// Package etcd is the store backend on etcd, embedded or a cluster.
//
// A commit is one etcd transaction: it compares the mod revisions the ops
// expect, then writes. Leases and watches are etcd's own.
package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Backend is a store.Backend on an etcd client, which it does not own.
type Backend struct{ client *clientv3.Client }

// New returns the backend.
func New(client *clientv3.Client) *Backend { return &Backend{client: client} }

// Get implements store.Backend.
func (b *Backend) Get(ctx context.Context, key string) (store.Entry, error) {
	if err := alive(ctx); err != nil {
		return store.Entry{}, err
	}
	resp, err := b.client.Get(ctx, key)
	if err != nil {
		return store.Entry{}, translate(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return store.Entry{}, fault.NotFoundf("%s does not exist", key)
	}
	return entry(resp.Kvs[0]), nil
}

// List implements store.Backend.
func (b *Backend) List(ctx context.Context, prefix string) ([]store.Entry, int64, error) {
	return b.list(ctx, prefix, clientv3.WithPrefix())
}

// Page implements store.Backend.
func (b *Backend) Page(ctx context.Context, prefix, after string, limit int) ([]store.Entry, int64, error) {
	first := max(prefix, after+"\x00") // the least key that is greater
	return b.list(ctx, first, clientv3.WithRange(clientv3.GetPrefixRangeEnd(prefix)), clientv3.WithLimit(int64(limit)))
}

func (b *Backend) list(ctx context.Context, first string, which ...clientv3.OpOption) ([]store.Entry, int64, error) {
	if err := alive(ctx); err != nil {
		return nil, 0, err
	}
	resp, err := b.client.Get(ctx, first, append(which, clientv3.WithSort(clientv3.SortByKey, clientv3.SortAscend))...)
	if err != nil {
		return nil, 0, translate(ctx, err)
	}
	entries := make([]store.Entry, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		entries[i] = entry(kv)
	}
	return entries, resp.Header.Revision, nil
}

// alive returns the fault of a context that has ended. Every call asks first: an
// in-process client may carry one out all the same.
func alive(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return translate(ctx, err)
	}
	return nil
}

// translate turns an etcd error into a fault.
func translate(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Canceled, "the request was given up").WithCause(err)
	case errors.Is(err, rpctypes.ErrNoSpace):
		return fault.Exhaustedf("etcd is out of space; compact and defragment it, then disarm the alarm").
			WithReason(store.ReasonFull).WithCause(err)
	case errors.Is(err, rpctypes.ErrRequestTooLarge):
		return fault.Exhaustedf("the commit is larger than etcd accepts").WithCause(err)
	case unavailable(err):
		return fault.Unavailablef("etcd cannot be reached").WithCause(err)
	default:
		return fault.Internalf(err, "etcd failed")
	}
}

func unavailable(err error) bool {
	if failure, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return failure.Code() == codes.Unavailable
	}
	return status.Code(err) == codes.Unavailable || errors.Is(err, clientv3.ErrNoAvailableEndpoints)
}
