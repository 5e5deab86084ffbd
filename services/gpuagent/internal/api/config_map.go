package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/configmap"
)

// configMaps implements ConfigMapService.
type configMaps struct {
	gpuagentv1.UnimplementedConfigMapServiceServer
	shelf *configmap.Shelf
}

// CreateConfigMap implements ConfigMapService.
func (s *configMaps) CreateConfigMap(ctx context.Context, r *gpuagentv1.CreateConfigMapRequest) (*gpuagentv1.ConfigMap, error) {
	if r.GetDryRun() {
		return s.shelf.TryCreate(ctx, r.GetConfigMap())
	}
	return s.shelf.Create(ctx, r.GetConfigMap())
}

// GetConfigMap implements ConfigMapService.
func (s *configMaps) GetConfigMap(ctx context.Context, r *gpuagentv1.GetConfigMapRequest) (*gpuagentv1.ConfigMap, error) {
	return s.shelf.Get(ctx, r.GetNamespace(), r.GetName())
}

// ListConfigMaps implements ConfigMapService.
func (s *configMaps) ListConfigMaps(ctx context.Context, r *gpuagentv1.ListConfigMapsRequest) (*gpuagentv1.ListConfigMapsResponse, error) {
	all, err := s.shelf.List(ctx, r.GetNamespace())
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.ListConfigMapsResponse{ConfigMaps: all}, nil
}

// UpdateConfigMap implements ConfigMapService.
func (s *configMaps) UpdateConfigMap(ctx context.Context, r *gpuagentv1.UpdateConfigMapRequest) (*gpuagentv1.ConfigMap, error) {
	if r.GetDryRun() {
		return s.shelf.TryUpdate(ctx, r.GetConfigMap())
	}
	return s.shelf.Update(ctx, r.GetConfigMap())
}

// DeleteConfigMap implements ConfigMapService.
func (s *configMaps) DeleteConfigMap(ctx context.Context, r *gpuagentv1.DeleteConfigMapRequest) (*emptypb.Empty, error) {
	if err := s.shelf.Delete(ctx, r.GetNamespace(), r.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
