// Package etcd is the store backend on an etcd cluster, embedded or not.
//
// A commit is one etcd transaction: the expectations compare mod revisions, and
// a commit that is refused learns in the same round trip which of them failed.
// A store revision is an etcd revision. It holds no state of its own; etcd's
// client resumes watches and renews leases.
package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Backend is a store.Backend on etcd. It is safe for concurrent use.
type Backend struct{ client *clientv3.Client }

// New returns a backend on a client, which stays its owner's to close.
func New(client *clientv3.Client) *Backend { return &Backend{client: client} }

// Get implements store.Backend.
func (b *Backend) Get(ctx context.Context, key string) (store.Entry, error) {
	resp, err := b.client.Get(ctx, key)
	if err != nil {
		return store.Entry{}, failure(ctx, err)
	}
	if len(resp.Kvs) == 0 {
		return store.Entry{}, fault.NotFoundf("%s does not exist", key)
	}
	return entry(resp.Kvs[0]), nil
}

// List implements store.Backend.
func (b *Backend) List(ctx context.Context, prefix string) ([]store.Entry, int64, error) {
	resp, err := b.client.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, 0, failure(ctx, err)
	}
	entries := make([]store.Entry, len(resp.Kvs))
	for i, kv := range resp.Kvs {
		entries[i] = entry(kv)
	}
	return entries, resp.Header.Revision, nil
}

// Commit implements store.Backend. When it fails with fault.Unavailable it may
// yet have been applied.
func (b *Backend) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, failure(ctx, err) // etcd in this process would not ask
	}
	if err := store.CheckOps(ops); err != nil {
		return 0, err
	}
	var expectations []clientv3.Cmp
	var expecting []store.Op
	var look, write []clientv3.Op
	for _, op := range ops {
		write = append(write, writeOf(op))
		if op.Expect != store.AnyRevision {
			expecting = append(expecting, op)
			expectations = append(expectations, clientv3.Compare(clientv3.ModRevision(op.Key), "=", op.Expect))
			look = append(look, clientv3.OpGet(op.Key, clientv3.WithKeysOnly()))
		}
	}
	resp, err := b.client.Txn(ctx).If(expectations...).Then(write...).Else(look...).Commit()
	if errors.Is(err, rpctypes.ErrLeaseNotFound) {
		return 0, store.ErrLeaseEnded(leaseOf(ops))
	}
	if err != nil {
		return 0, failure(ctx, err)
	}
	if !resp.Succeeded {
		return 0, refusal(expecting, resp)
	}
	return resp.Header.Revision, nil
}

func writeOf(op store.Op) clientv3.Op {
	switch {
	case op.Delete:
		return clientv3.OpDelete(op.Key)
	case op.Lease != nil:
		return clientv3.OpPut(op.Key, string(op.Value), clientv3.WithLease(clientv3.LeaseID(op.Lease.ID())))
	default:
		return clientv3.OpPut(op.Key, string(op.Value))
	}
}

// refusal says which expectation did not hold.
func refusal(expecting []store.Op, resp *clientv3.TxnResponse) error {
	for i, op := range expecting {
		revision := int64(0)
		if kvs := resp.Responses[i].GetResponseRange().GetKvs(); len(kvs) > 0 {
			revision = kvs[0].ModRevision
		}
		if err := store.CheckExpect(op, revision); err != nil {
			return err
		}
	}
	return fault.Internalf(nil, "etcd refused a commit whose expectations all hold")
}

// leaseOf returns the id of the first lease that ops use.
func leaseOf(ops []store.Op) int64 {
	for _, op := range ops {
		if op.Lease != nil {
			return op.Lease.ID()
		}
	}
	return 0
}

func entry(kv *mvccpb.KeyValue) store.Entry {
	return store.Entry{Key: string(kv.Key), Value: kv.Value, Revision: kv.ModRevision, CreateRevision: kv.CreateRevision}
}

// failure turns an error of etcd's client into a fault.
func failure(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Canceled, "the request was given up").WithCause(err)
	case errors.Is(err, rpctypes.ErrNoSpace):
		return fault.Exhaustedf("the store is full: delete what has ended, or raise the quota of etcd").WithCause(err)
	case errors.Is(err, rpctypes.ErrTooManyRequests):
		return fault.Unavailablef("the store is overloaded").WithCause(err)
	}
	switch status.Code(err) {
	case codes.InvalidArgument, codes.PermissionDenied, codes.Unauthenticated:
		return fault.Internalf(err, "the store refused a request")
	default:
		return fault.Unavailablef("the store cannot be reached").WithCause(err)
	}
}
