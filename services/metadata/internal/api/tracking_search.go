package api

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// SearchExperiments implements TrackingService.
func (s *trackingServer) SearchExperiments(ctx context.Context, r *metadatav1.SearchExperimentsRequest) (*metadatav1.SearchExperimentsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SearchExperiments)
}

// SearchRuns implements TrackingService.
func (s *trackingServer) SearchRuns(ctx context.Context, r *metadatav1.SearchRunsRequest) (*metadatav1.SearchRunsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SearchRuns)
}

// SearchLoggedModels implements TrackingService.
func (s *trackingServer) SearchLoggedModels(ctx context.Context, r *metadatav1.SearchLoggedModelsRequest) (*metadatav1.SearchLoggedModelsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SearchModels)
}
