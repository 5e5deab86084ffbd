package remote

import (
	"context"

	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Register has a server serve a backend to callers that identify tells apart; its
// error is a call's answer.
func Register(server grpc.ServiceRegistrar, backend store.Lessor, identify func(context.Context) (Caller, error)) {
	doorv1.RegisterStoreServiceServer(server, &service{backend: backend, identify: identify})
}

type service struct {
	doorv1.UnimplementedStoreServiceServer

	backend  store.Lessor
	identify func(context.Context) (Caller, error)
}

// Get implements StoreService.
func (s *service) Get(ctx context.Context, req *doorv1.GetRequest) (*doorv1.Entry, error) {
	if err := s.mayRead(ctx, req.GetKey()); err != nil {
		return nil, err
	}
	e, err := s.backend.Get(ctx, req.GetKey())
	if err != nil {
		return nil, err
	}
	return wireEntry(e), nil
}

// List implements StoreService.
func (s *service) List(req *doorv1.ListRequest, stream doorv1.StoreService_ListServer) error {
	if err := s.mayRead(stream.Context(), req.GetPrefix()); err != nil {
		return err
	}
	entries, revision, err := s.list(stream.Context(), req)
	if err != nil {
		return err
	}
	for _, page := range pages(entries) {
		out := &doorv1.ListResponse{Revision: revision, Entries: make([]*doorv1.Entry, len(page))}
		for i, e := range page {
			out.Entries[i] = wireEntry(e)
		}
		if err := stream.Send(out); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) list(ctx context.Context, req *doorv1.ListRequest) ([]store.Entry, int64, error) {
	if limit := int(req.GetLimit()); limit > 0 {
		return s.backend.Page(ctx, req.GetPrefix(), req.GetAfter(), limit)
	}
	return s.backend.List(ctx, req.GetPrefix())
}

// Commit implements StoreService.
func (s *service) Commit(ctx context.Context, req *doorv1.CommitRequest) (*doorv1.CommitResponse, error) {
	caller, err := s.identify(ctx)
	if err != nil {
		return nil, err
	}
	ops := make([]store.Op, len(req.GetOps()))
	for i, op := range req.GetOps() {
		ops[i] = opOf(op)
	}
	if err := caller.mayCommit(ops); err != nil {
		return nil, err
	}
	if err := s.holdsAll(ctx, caller, ops); err != nil {
		return nil, err
	}
	revision, err := s.backend.Commit(ctx, ops...)
	if err != nil {
		return nil, err
	}
	return &doorv1.CommitResponse{Revision: revision}, nil
}

// Watch implements StoreService.
func (s *service) Watch(req *doorv1.WatchRequest, stream doorv1.StoreService_WatchServer) error {
	ctx := stream.Context()
	if err := s.mayRead(ctx, req.GetPrefix()); err != nil {
		return err
	}
	changes, err := s.backend.Watch(ctx, req.GetPrefix(), req.GetAfter())
	if err != nil {
		return err
	}
	if err := stream.SendHeader(nil); err != nil {
		return err
	}
	for all := range changes {
		for _, batch := range batches(all) {
			if err := stream.Send(&doorv1.WatchResponse{Changes: wireChanges(batch)}); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Preconditionf("changes of %s after revision %d are no longer kept", req.GetPrefix(), req.GetAfter()).
		WithReason("WATCH_LOST")
}

func (s *service) mayRead(ctx context.Context, prefix string) error {
	caller, err := s.identify(ctx)
	if err != nil {
		return err
	}
	return caller.mayRead(prefix)
}
