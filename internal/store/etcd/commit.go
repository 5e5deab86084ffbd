package etcd

import (
	"context"
	"errors"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Commit implements store.Backend.
func (b *Backend) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	if err := store.CheckOps(ops); err != nil {
		return 0, err
	}
	if err := alive(ctx); err != nil {
		return 0, err
	}
	resp, err := b.client.Txn(ctx).If(compares(ops)...).Then(writes(ops)...).Else(looks(ops)...).Commit()
	if err != nil {
		if errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return 0, store.ErrLeaseEnded(leaseOf(ops))
		}
		return 0, translate(ctx, err)
	}
	if !resp.Succeeded {
		return 0, refusal(ops, resp)
	}
	return resp.Header.Revision, nil
}

// compares are the conditions of a commit.
func compares(ops []store.Op) []clientv3.Cmp {
	var cmps []clientv3.Cmp
	for _, op := range ops {
		if op.Expect != store.AnyRevision {
			cmps = append(cmps, clientv3.Compare(clientv3.ModRevision(op.Key), "=", op.Expect))
		}
	}
	return cmps
}

// writes are what a commit does when its conditions hold.
func writes(ops []store.Op) []clientv3.Op {
	var out []clientv3.Op
	for _, op := range ops {
		switch {
		case op.Check:
		case op.Delete:
			out = append(out, clientv3.OpDelete(op.Key))
		case op.Lease != nil:
			out = append(out, clientv3.OpPut(op.Key, string(op.Value), clientv3.WithLease(clientv3.LeaseID(op.Lease.ID()))))
		default:
			out = append(out, clientv3.OpPut(op.Key, string(op.Value)))
		}
	}
	return out
}

// looks reads, when a condition fails, what the keys are at, to say which failed.
func looks(ops []store.Op) []clientv3.Op {
	out := make([]clientv3.Op, len(ops))
	for i, op := range ops {
		out[i] = clientv3.OpGet(op.Key, clientv3.WithKeysOnly())
	}
	return out
}

// refusal says which expectation did not hold.
func refusal(ops []store.Op, resp *clientv3.TxnResponse) error {
	for i, op := range ops {
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
