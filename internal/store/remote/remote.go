// Package remote is the store backend on a store that another process serves over
// gRPC: the head's, as an agent on another machine sees it.
//
// Backend is the client's side, Register the server's, which wraps any backend
// that lends leases and holds each caller to the keys it may see. Faults keep
// their kind and reason on the way.
//
// A watch goes on by itself after the connection was lost. A lease knows when it
// ends without any word of the server: it counts from the moment at which the
// last renewal that succeeded was sent, and the server from when it came, so that
// the holder always knows first. Leases that were granted outlive the server's
// process: one that starts again finds them in its store, and who holds them,
// under LeasePrefix.
package remote

import (
	"context"
	"errors"
	"io"
	"math"

	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Backend is a store.Backend over a connection, which it does not own. Errors of
// the connection's calls must be faults, as those of internal/rpc are.
type Backend struct{ client doorv1.StoreServiceClient }

var _ store.Backend = (*Backend)(nil)

// New returns the backend.
func New(conn grpc.ClientConnInterface) *Backend {
	return &Backend{client: doorv1.NewStoreServiceClient(conn)}
}

// Get implements store.Backend.
func (b *Backend) Get(ctx context.Context, key string) (store.Entry, error) {
	e, err := b.client.Get(ctx, &doorv1.GetRequest{Key: key})
	if err != nil {
		return store.Entry{}, err
	}
	return entryOf(e), nil
}

// List implements store.Backend.
func (b *Backend) List(ctx context.Context, prefix string) ([]store.Entry, int64, error) {
	return b.list(ctx, &doorv1.ListRequest{Prefix: prefix})
}

// Page implements store.Backend.
func (b *Backend) Page(ctx context.Context, prefix, after string, limit int) ([]store.Entry, int64, error) {
	return b.list(ctx, &doorv1.ListRequest{Prefix: prefix, After: after, Limit: int32(min(limit, math.MaxInt32))}) // #nosec G115 -- it fits
}

func (b *Backend) list(ctx context.Context, which *doorv1.ListRequest) ([]store.Entry, int64, error) {
	ctx, done := context.WithCancel(ctx)
	defer done()
	stream, err := b.client.List(ctx, which)
	if err != nil {
		return nil, 0, err
	}
	var entries []store.Entry
	revision := int64(0)
	for {
		page, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return entries, revision, nil
		}
		if err != nil {
			return nil, 0, err
		}
		revision = page.GetRevision()
		for _, e := range page.GetEntries() {
			entries = append(entries, entryOf(e))
		}
	}
}

// Commit implements store.Backend. A commit whose answer was lost fails with
// fault.Unavailable and may have been applied; it is never sent twice.
func (b *Backend) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	if err := store.CheckOps(ops); err != nil {
		return 0, err
	}
	resp, err := b.client.Commit(ctx, &doorv1.CommitRequest{Ops: wireOps(ops)})
	if err != nil {
		return 0, err
	}
	return resp.GetRevision(), nil
}
