package api

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/priority"
)

// RegisterPriorityClasses adds PriorityClassService to a server.
func RegisterPriorityClasses(server grpc.ServiceRegistrar, shelf *priority.Shelf, e *engine.Engine) {
	gpuagentv1.RegisterPriorityClassServiceServer(server, &priorityClasses{shelf: shelf, engine: e})
}

// priorityClasses implements PriorityClassService.
type priorityClasses struct {
	gpuagentv1.UnimplementedPriorityClassServiceServer
	shelf  *priority.Shelf
	engine *engine.Engine
}

// CreatePriorityClass implements PriorityClassService.
func (s *priorityClasses) CreatePriorityClass(ctx context.Context, r *gpuagentv1.CreatePriorityClassRequest) (*gpuagentv1.PriorityClass, error) {
	if r.GetDryRun() {
		return s.shelf.TryCreate(ctx, r.GetPriorityClass())
	}
	return s.heeded(ctx)(s.shelf.Create(ctx, r.GetPriorityClass()))
}

// UpdatePriorityClass implements PriorityClassService.
func (s *priorityClasses) UpdatePriorityClass(ctx context.Context, r *gpuagentv1.UpdatePriorityClassRequest) (*gpuagentv1.PriorityClass, error) {
	if r.GetDryRun() {
		return s.shelf.TryUpdate(ctx, r.GetPriorityClass())
	}
	return s.heeded(ctx)(s.shelf.Update(ctx, r.GetPriorityClass()))
}

// heeded hands on what was stored of a class once it counts.
func (s *priorityClasses) heeded(ctx context.Context) func(*gpuagentv1.PriorityClass, error) (*gpuagentv1.PriorityClass, error) {
	return func(c *gpuagentv1.PriorityClass, err error) (*gpuagentv1.PriorityClass, error) {
		if err != nil {
			return nil, err
		}
		return c, s.engine.HeedPriorityClasses(ctx, c.GetMetadata().GetResourceVersion())
	}
}

// GetPriorityClass implements PriorityClassService.
func (s *priorityClasses) GetPriorityClass(ctx context.Context, r *gpuagentv1.GetPriorityClassRequest) (*gpuagentv1.PriorityClass, error) {
	return s.shelf.Get(ctx, r.GetName())
}

// ListPriorityClasses implements PriorityClassService.
func (s *priorityClasses) ListPriorityClasses(ctx context.Context, _ *gpuagentv1.ListPriorityClassesRequest) (*gpuagentv1.ListPriorityClassesResponse, error) {
	all, err := s.shelf.List(ctx)
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.ListPriorityClassesResponse{PriorityClasses: all}, nil
}

// DeletePriorityClass implements PriorityClassService.
func (s *priorityClasses) DeletePriorityClass(ctx context.Context, r *gpuagentv1.DeletePriorityClassRequest) (*emptypb.Empty, error) {
	if err := s.shelf.Delete(ctx, r.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
