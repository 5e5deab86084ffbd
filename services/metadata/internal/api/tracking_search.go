package api

import (
	"context"

	"google.golang.org/grpc"

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

// SearchDatasets implements TrackingService.
func (s *trackingServer) SearchDatasets(ctx context.Context, r *metadatav1.SearchDatasetsRequest) (*metadatav1.SearchDatasetsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SearchDatasets)
}

// StreamRuns implements TrackingService.
func (s *trackingServer) StreamRuns(r *metadatav1.SearchRunsRequest, stream grpc.ServerStreamingServer[metadatav1.SearchRunsResponse]) error {
	store, err := s.open(stream.Context())
	if err != nil {
		return err
	}
	return store.StreamRuns(stream.Context(), r, stream.Send)
}

// StreamMetricHistory implements TrackingService.
func (s *trackingServer) StreamMetricHistory(r *metadatav1.GetMetricHistoryRequest, stream grpc.ServerStreamingServer[metadatav1.GetMetricHistoryResponse]) error {
	store, err := s.open(stream.Context())
	if err != nil {
		return err
	}
	return store.StreamMetricHistory(stream.Context(), r, stream.Send)
}
