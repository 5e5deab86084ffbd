package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
)

// volumes implements VolumeService.
type volumes struct {
	gpuagentv1.UnimplementedVolumeServiceServer
	engine *engine.Engine
}

// CreateVolume implements VolumeService.
func (s *volumes) CreateVolume(ctx context.Context, r *gpuagentv1.CreateVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	if r.GetDryRun() {
		return s.engine.Volumes.TryCreate(ctx, r.GetVolume())
	}
	guard := guardOf(r.GetFence())
	v, err := s.engine.CreateVolume(ctx, r.GetVolume(), guard...)
	if fault.Is(err, fault.Conflict) && guard != nil {
		return nil, fault.Conflictf("whoever makes volume %q no longer leads the election %q", r.GetVolume().GetMetadata().GetName(), r.GetFence().GetElection()).
			WithReason("LEADERSHIP_LOST").WithCause(err)
	}
	return v, err
}

// UpdateVolume implements VolumeService.
func (s *volumes) UpdateVolume(ctx context.Context, r *gpuagentv1.UpdateVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	if r.GetDryRun() {
		return s.engine.Volumes.TryUpdate(ctx, r.GetVolume())
	}
	return s.engine.Volumes.Update(ctx, r.GetVolume())
}

// GetVolume implements VolumeService.
func (s *volumes) GetVolume(ctx context.Context, r *gpuagentv1.GetVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	return s.engine.Volumes.Get(ctx, r.GetNamespace(), r.GetName())
}

// ListVolumes implements VolumeService.
func (s *volumes) ListVolumes(ctx context.Context, r *gpuagentv1.ListVolumesRequest) (*gpuagentv1.ListVolumesResponse, error) {
	all, err := s.engine.Volumes.List(ctx, r.GetNamespace())
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.ListVolumesResponse{Volumes: all}, nil
}

// DeleteVolume implements VolumeService. The engine goes on with what it has
// begun here: it knows who mounts the volume.
func (s *volumes) DeleteVolume(ctx context.Context, r *gpuagentv1.DeleteVolumeRequest) (*emptypb.Empty, error) {
	if err := s.engine.DeleteVolume(ctx, r.GetNamespace(), r.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
