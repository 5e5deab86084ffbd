package api

import (
	"context"
	"sync"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// trackingServer is TrackingService.
type trackingServer struct {
	metadatav1.UnimplementedTrackingServiceServer
	source Source

	mu    sync.Mutex
	store *tracking.Store // nil until the database is open; guarded by mu
}

// open returns the store, one for all calls: it remembers what it looked up.
func (s *trackingServer) open(ctx context.Context) (*tracking.Store, error) {
	db, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store == nil {
		s.store = tracking.New(db)
	}
	return s.store, nil
}

// track answers a request with a method of the store.
func track[Q, A any](ctx context.Context, s *trackingServer, request Q, answer func(*tracking.Store, context.Context, Q) (*A, error)) (*A, error) {
	store, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	return answer(store, ctx, request)
}

// CreateExperiment implements TrackingService.
func (s *trackingServer) CreateExperiment(ctx context.Context, r *metadatav1.CreateExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	return track(ctx, s, r, (*tracking.Store).CreateExperiment)
}

// GetTrackingExperiment implements TrackingService.
func (s *trackingServer) GetTrackingExperiment(ctx context.Context, r *metadatav1.GetTrackingExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	return track(ctx, s, r, (*tracking.Store).GetExperiment)
}

// UpdateTrackingExperiment implements TrackingService.
func (s *trackingServer) UpdateTrackingExperiment(ctx context.Context, r *metadatav1.UpdateTrackingExperimentRequest) (*metadatav1.UpdateTrackingExperimentResponse, error) {
	return track(ctx, s, r, (*tracking.Store).UpdateExperiment)
}

// SetExperimentStage implements TrackingService.
func (s *trackingServer) SetExperimentStage(ctx context.Context, r *metadatav1.SetExperimentStageRequest) (*metadatav1.SetExperimentStageResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SetExperimentStage)
}

// SetExperimentTags implements TrackingService.
func (s *trackingServer) SetExperimentTags(ctx context.Context, r *metadatav1.SetExperimentTagsRequest) (*metadatav1.SetExperimentTagsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SetExperimentTags)
}

// CreateTrackingRun implements TrackingService.
func (s *trackingServer) CreateTrackingRun(ctx context.Context, r *metadatav1.CreateTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	return track(ctx, s, r, (*tracking.Store).CreateRun)
}

// GetTrackingRun implements TrackingService.
func (s *trackingServer) GetTrackingRun(ctx context.Context, r *metadatav1.GetTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	return track(ctx, s, r, (*tracking.Store).GetRun)
}

// UpdateTrackingRun implements TrackingService.
func (s *trackingServer) UpdateTrackingRun(ctx context.Context, r *metadatav1.UpdateTrackingRunRequest) (*metadatav1.TrackingRunInfo, error) {
	return track(ctx, s, r, (*tracking.Store).UpdateRun)
}

// SetRunStage implements TrackingService.
func (s *trackingServer) SetRunStage(ctx context.Context, r *metadatav1.SetRunStageRequest) (*metadatav1.SetRunStageResponse, error) {
	return track(ctx, s, r, (*tracking.Store).SetRunStage)
}

// LogBatch implements TrackingService.
func (s *trackingServer) LogBatch(ctx context.Context, r *metadatav1.LogBatchRequest) (*metadatav1.LogBatchResponse, error) {
	return track(ctx, s, r, (*tracking.Store).LogBatch)
}

// DeleteRunTag implements TrackingService.
func (s *trackingServer) DeleteRunTag(ctx context.Context, r *metadatav1.DeleteRunTagRequest) (*metadatav1.DeleteRunTagResponse, error) {
	return track(ctx, s, r, (*tracking.Store).DeleteRunTag)
}

// LogInputs implements TrackingService.
func (s *trackingServer) LogInputs(ctx context.Context, r *metadatav1.LogInputsRequest) (*metadatav1.LogInputsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).LogInputs)
}

// LogOutputs implements TrackingService.
func (s *trackingServer) LogOutputs(ctx context.Context, r *metadatav1.LogOutputsRequest) (*metadatav1.LogOutputsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).LogOutputs)
}

// GetMetricHistory implements TrackingService.
func (s *trackingServer) GetMetricHistory(ctx context.Context, r *metadatav1.GetMetricHistoryRequest) (*metadatav1.GetMetricHistoryResponse, error) {
	return track(ctx, s, r, (*tracking.Store).GetMetricHistory)
}

// GetMetricHistories implements TrackingService.
func (s *trackingServer) GetMetricHistories(ctx context.Context, r *metadatav1.GetMetricHistoriesRequest) (*metadatav1.GetMetricHistoriesResponse, error) {
	return track(ctx, s, r, (*tracking.Store).GetMetricHistories)
}

// CreateLoggedModel implements TrackingService.
func (s *trackingServer) CreateLoggedModel(ctx context.Context, r *metadatav1.CreateLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return track(ctx, s, r, (*tracking.Store).CreateModel)
}

// GetLoggedModel implements TrackingService.
func (s *trackingServer) GetLoggedModel(ctx context.Context, r *metadatav1.GetLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return track(ctx, s, r, (*tracking.Store).GetModel)
}

// FinalizeLoggedModel implements TrackingService.
func (s *trackingServer) FinalizeLoggedModel(ctx context.Context, r *metadatav1.FinalizeLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return track(ctx, s, r, (*tracking.Store).FinalizeModel)
}

// DeleteLoggedModel implements TrackingService.
func (s *trackingServer) DeleteLoggedModel(ctx context.Context, r *metadatav1.DeleteLoggedModelRequest) (*metadatav1.DeleteLoggedModelResponse, error) {
	return track(ctx, s, r, (*tracking.Store).DeleteModel)
}

// SetLoggedModelTags implements TrackingService.
func (s *trackingServer) SetLoggedModelTags(ctx context.Context, r *metadatav1.SetLoggedModelTagsRequest) (*metadatav1.LoggedModel, error) {
	return track(ctx, s, r, (*tracking.Store).SetModelTags)
}

// LogLoggedModelParams implements TrackingService.
func (s *trackingServer) LogLoggedModelParams(ctx context.Context, r *metadatav1.LogLoggedModelParamsRequest) (*metadatav1.LogLoggedModelParamsResponse, error) {
	return track(ctx, s, r, (*tracking.Store).LogModelParams)
}
