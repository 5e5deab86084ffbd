package api

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/registry"
)

// registryServer is ModelRegistryService.
type registryServer struct {
	metadatav1.UnimplementedModelRegistryServiceServer
	source   Source
	tracking metadatav1.TrackingServiceServer // of the same database
}

// inRegistry answers a request in the registry.
func inRegistry[Request, Response any](ctx context.Context, s *registryServer, request Request,
	answer func(*registry.Registry, context.Context, Request) (Response, error),
) (response Response, err error) {
	db, err := s.source(ctx)
	if err != nil {
		return response, err
	}
	return answer(registry.New(db), ctx, request)
}

// changeRegistry has the registry do what has no answer but that it was done.
func changeRegistry[Request, Response any](ctx context.Context, s *registryServer, request Request, done Response,
	change func(*registry.Registry, context.Context, Request) error,
) (response Response, err error) {
	db, err := s.source(ctx)
	if err != nil {
		return response, err
	}
	if err := change(registry.New(db), ctx, request); err != nil {
		return response, err
	}
	return done, nil
}

// CreateRegisteredModel implements ModelRegistryService.
func (s *registryServer) CreateRegisteredModel(ctx context.Context, r *metadatav1.CreateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).CreateModel)
}

// GetRegisteredModel implements ModelRegistryService.
func (s *registryServer) GetRegisteredModel(ctx context.Context, r *metadatav1.GetRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).Model)
}

// SearchRegisteredModels implements ModelRegistryService.
func (s *registryServer) SearchRegisteredModels(ctx context.Context, r *metadatav1.SearchRegisteredModelsRequest) (*metadatav1.SearchRegisteredModelsResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).SearchModels)
}

// ListRegisteredModels implements ModelRegistryService.
func (s *registryServer) ListRegisteredModels(ctx context.Context, r *metadatav1.ListRegisteredModelsRequest) (*metadatav1.ListRegisteredModelsResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).ListModels)
}

// UpdateRegisteredModel implements ModelRegistryService.
func (s *registryServer) UpdateRegisteredModel(ctx context.Context, r *metadatav1.UpdateRegisteredModelRequest) (*metadatav1.RegisteredModel, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).UpdateModel)
}

// DeleteRegisteredModel implements ModelRegistryService.
func (s *registryServer) DeleteRegisteredModel(ctx context.Context, r *metadatav1.DeleteRegisteredModelRequest) (*metadatav1.DeleteRegisteredModelResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.DeleteRegisteredModelResponse{}, (*registry.Registry).DeleteModel)
}

// SetRegisteredModelTags implements ModelRegistryService.
func (s *registryServer) SetRegisteredModelTags(ctx context.Context, r *metadatav1.SetRegisteredModelTagsRequest) (*metadatav1.SetRegisteredModelTagsResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.SetRegisteredModelTagsResponse{}, (*registry.Registry).SetModelTags)
}

// SetModelAlias implements ModelRegistryService.
func (s *registryServer) SetModelAlias(ctx context.Context, r *metadatav1.SetModelAliasRequest) (*metadatav1.SetModelAliasResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.SetModelAliasResponse{}, (*registry.Registry).SetAlias)
}

// DeleteModelAlias implements ModelRegistryService.
func (s *registryServer) DeleteModelAlias(ctx context.Context, r *metadatav1.DeleteModelAliasRequest) (*metadatav1.DeleteModelAliasResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.DeleteModelAliasResponse{}, (*registry.Registry).DeleteAlias)
}

// CreateModelVersion implements ModelRegistryService.
func (s *registryServer) CreateModelVersion(ctx context.Context, r *metadatav1.CreateModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).CreateVersion)
}

// GetModelVersion implements ModelRegistryService.
func (s *registryServer) GetModelVersion(ctx context.Context, r *metadatav1.GetModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).Version)
}

// GetLatestModelVersions implements ModelRegistryService.
func (s *registryServer) GetLatestModelVersions(ctx context.Context, r *metadatav1.GetLatestModelVersionsRequest) (*metadatav1.GetLatestModelVersionsResponse, error) {
	versions, err := inRegistry(ctx, s, r, (*registry.Registry).LatestVersions)
	if err != nil {
		return nil, err
	}
	return &metadatav1.GetLatestModelVersionsResponse{Versions: versions}, nil
}

// SearchModelVersions implements ModelRegistryService.
func (s *registryServer) SearchModelVersions(ctx context.Context, r *metadatav1.SearchModelVersionsRequest) (*metadatav1.SearchModelVersionsResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).SearchVersions)
}

// ListModelVersions implements ModelRegistryService.
func (s *registryServer) ListModelVersions(ctx context.Context, r *metadatav1.ListModelVersionsRequest) (*metadatav1.ListModelVersionsResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).ListVersions)
}

// UpdateModelVersion implements ModelRegistryService.
func (s *registryServer) UpdateModelVersion(ctx context.Context, r *metadatav1.UpdateModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).UpdateVersion)
}

// TransitionModelVersion implements ModelRegistryService.
func (s *registryServer) TransitionModelVersion(ctx context.Context, r *metadatav1.TransitionModelVersionRequest) (*metadatav1.ModelVersion, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).Transition)
}

// DeleteModelVersion implements ModelRegistryService.
func (s *registryServer) DeleteModelVersion(ctx context.Context, r *metadatav1.DeleteModelVersionRequest) (*metadatav1.DeleteModelVersionResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.DeleteModelVersionResponse{}, (*registry.Registry).DeleteVersion)
}

// SetModelVersionTags implements ModelRegistryService.
func (s *registryServer) SetModelVersionTags(ctx context.Context, r *metadatav1.SetModelVersionTagsRequest) (*metadatav1.SetModelVersionTagsResponse, error) {
	return changeRegistry(ctx, s, r, &metadatav1.SetModelVersionTagsResponse{}, (*registry.Registry).SetVersionTags)
}

// ResolveModel implements ModelRegistryService.
func (s *registryServer) ResolveModel(ctx context.Context, r *metadatav1.ResolveModelRequest) (*metadatav1.ResolveModelResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).Resolve)
}

// CreateRegistryItem implements ModelRegistryService.
func (s *registryServer) CreateRegistryItem(ctx context.Context, r *metadatav1.CreateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).CreateItem)
}

// GetRegistryItem implements ModelRegistryService.
func (s *registryServer) GetRegistryItem(ctx context.Context, r *metadatav1.GetRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).Item)
}

// ListRegistryItems implements ModelRegistryService.
func (s *registryServer) ListRegistryItems(ctx context.Context, r *metadatav1.ListRegistryItemsRequest) (*metadatav1.ListRegistryItemsResponse, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).ListItems)
}

// UpdateRegistryItem implements ModelRegistryService.
func (s *registryServer) UpdateRegistryItem(ctx context.Context, r *metadatav1.UpdateRegistryItemRequest) (*metadatav1.RegistryItem, error) {
	return inRegistry(ctx, s, r, (*registry.Registry).UpdateItem)
}
