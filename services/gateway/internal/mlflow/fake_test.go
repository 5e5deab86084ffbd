package mlflow

import (
	"cmp"
	"context"

	"google.golang.org/grpc"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

func (f *fakeTracking) CreateExperiment(_ context.Context, r *metadatav1.CreateExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	return answered[metadatav1.TrackingExperiment](f, r)
}

func (f *fakeTracking) GetTrackingExperiment(_ context.Context, r *metadatav1.GetTrackingExperimentRequest) (*metadatav1.TrackingExperiment, error) {
	return answered[metadatav1.TrackingExperiment](f, r)
}

func (f *fakeTracking) SearchExperiments(_ context.Context, r *metadatav1.SearchExperimentsRequest) (*metadatav1.SearchExperimentsResponse, error) {
	return answered[metadatav1.SearchExperimentsResponse](f, r)
}

func (f *fakeTracking) UpdateTrackingExperiment(_ context.Context, r *metadatav1.UpdateTrackingExperimentRequest) (*metadatav1.UpdateTrackingExperimentResponse, error) {
	return answered[metadatav1.UpdateTrackingExperimentResponse](f, r)
}

func (f *fakeTracking) SetExperimentStage(_ context.Context, r *metadatav1.SetExperimentStageRequest) (*metadatav1.SetExperimentStageResponse, error) {
	return answered[metadatav1.SetExperimentStageResponse](f, r)
}

func (f *fakeTracking) SetExperimentTags(_ context.Context, r *metadatav1.SetExperimentTagsRequest) (*metadatav1.SetExperimentTagsResponse, error) {
	return answered[metadatav1.SetExperimentTagsResponse](f, r)
}

func (f *fakeTracking) CreateTrackingRun(_ context.Context, r *metadatav1.CreateTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	return answered[metadatav1.TrackingRun](f, r)
}

func (f *fakeTracking) GetTrackingRun(_ context.Context, r *metadatav1.GetTrackingRunRequest) (*metadatav1.TrackingRun, error) {
	return answered[metadatav1.TrackingRun](f, r)
}

func (f *fakeTracking) UpdateTrackingRun(_ context.Context, r *metadatav1.UpdateTrackingRunRequest) (*metadatav1.TrackingRunInfo, error) {
	return answered[metadatav1.TrackingRunInfo](f, r)
}

func (f *fakeTracking) SetRunStage(_ context.Context, r *metadatav1.SetRunStageRequest) (*metadatav1.SetRunStageResponse, error) {
	return answered[metadatav1.SetRunStageResponse](f, r)
}

func (f *fakeTracking) StreamRuns(r *metadatav1.SearchRunsRequest, stream grpc.ServerStreamingServer[metadatav1.SearchRunsResponse]) error {
	page, err := answered[metadatav1.SearchRunsResponse](f, r)
	if err != nil {
		return err
	}
	for len(page.GetRuns()) > 1 { // one a piece
		if err := stream.Send(&metadatav1.SearchRunsResponse{Runs: page.GetRuns()[:1]}); err != nil || f.breaks != nil {
			return cmp.Or(err, f.breaks)
		}
		page.Runs = page.GetRuns()[1:]
	}
	return stream.Send(page)
}

func (f *fakeTracking) LogBatch(_ context.Context, r *metadatav1.LogBatchRequest) (*metadatav1.LogBatchResponse, error) {
	return answered[metadatav1.LogBatchResponse](f, r)
}

func (f *fakeTracking) DeleteRunTag(_ context.Context, r *metadatav1.DeleteRunTagRequest) (*metadatav1.DeleteRunTagResponse, error) {
	return answered[metadatav1.DeleteRunTagResponse](f, r)
}

func (f *fakeTracking) LogInputs(_ context.Context, r *metadatav1.LogInputsRequest) (*metadatav1.LogInputsResponse, error) {
	return answered[metadatav1.LogInputsResponse](f, r)
}

func (f *fakeTracking) LogOutputs(_ context.Context, r *metadatav1.LogOutputsRequest) (*metadatav1.LogOutputsResponse, error) {
	return answered[metadatav1.LogOutputsResponse](f, r)
}

func (f *fakeTracking) StreamMetricHistory(r *metadatav1.GetMetricHistoryRequest, stream grpc.ServerStreamingServer[metadatav1.GetMetricHistoryResponse]) error {
	page, err := answered[metadatav1.GetMetricHistoryResponse](f, r)
	if err != nil {
		return err
	}
	const piece = 1000
	for len(page.GetMetrics()) > piece {
		if err := stream.Send(&metadatav1.GetMetricHistoryResponse{Metrics: page.GetMetrics()[:piece]}); err != nil {
			return err
		}
		rest := page.GetMetrics()[piece:]
		page = &metadatav1.GetMetricHistoryResponse{Metrics: rest, NextPageToken: page.GetNextPageToken()}
	}
	return stream.Send(page)
}

func (f *fakeTracking) GetMetricHistories(_ context.Context, r *metadatav1.GetMetricHistoriesRequest) (*metadatav1.GetMetricHistoriesResponse, error) {
	return answered[metadatav1.GetMetricHistoriesResponse](f, r)
}

func (f *fakeTracking) SearchDatasets(_ context.Context, r *metadatav1.SearchDatasetsRequest) (*metadatav1.SearchDatasetsResponse, error) {
	return answered[metadatav1.SearchDatasetsResponse](f, r)
}

func (f *fakeTracking) CreateLoggedModel(_ context.Context, r *metadatav1.CreateLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return answered[metadatav1.LoggedModel](f, r)
}

func (f *fakeTracking) GetLoggedModel(_ context.Context, r *metadatav1.GetLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return answered[metadatav1.LoggedModel](f, r)
}

func (f *fakeTracking) FinalizeLoggedModel(_ context.Context, r *metadatav1.FinalizeLoggedModelRequest) (*metadatav1.LoggedModel, error) {
	return answered[metadatav1.LoggedModel](f, r)
}

func (f *fakeTracking) DeleteLoggedModel(_ context.Context, r *metadatav1.DeleteLoggedModelRequest) (*metadatav1.DeleteLoggedModelResponse, error) {
	return answered[metadatav1.DeleteLoggedModelResponse](f, r)
}

func (f *fakeTracking) SetLoggedModelTags(_ context.Context, r *metadatav1.SetLoggedModelTagsRequest) (*metadatav1.LoggedModel, error) {
	return answered[metadatav1.LoggedModel](f, r)
}

func (f *fakeTracking) LogLoggedModelParams(_ context.Context, r *metadatav1.LogLoggedModelParamsRequest) (*metadatav1.LogLoggedModelParamsResponse, error) {
	return answered[metadatav1.LogLoggedModelParamsResponse](f, r)
}

func (f *fakeTracking) SearchLoggedModels(_ context.Context, r *metadatav1.SearchLoggedModelsRequest) (*metadatav1.SearchLoggedModelsResponse, error) {
	return answered[metadatav1.SearchLoggedModelsResponse](f, r)
}
