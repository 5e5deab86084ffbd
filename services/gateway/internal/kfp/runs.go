package kfp

import (
	"context"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Runs is the run service as KFP's clients know it: a canceled run that is got is
// FAILED, as KFP reports one, because its clients wait for no other end. The
// error says that it was canceled, and the history still ends with CANCELED. All
// other calls are passed on as they are.
func Runs(runs pipelinev1.RunServiceClient) pipelinev1.RunServiceClient {
	return endingRuns{runs}
}

type endingRuns struct{ pipelinev1.RunServiceClient }

// GetRun implements pipelinev1.RunServiceClient.
func (r endingRuns) GetRun(ctx context.Context, in *pipelinev1.GetRunRequest, opts ...grpc.CallOption) (*pipelinev1.Run, error) {
	run, err := r.RunServiceClient.GetRun(ctx, in, opts...)
	if run.GetState() == pipelinev1.RuntimeState_CANCELED {
		run.State = pipelinev1.RuntimeState_FAILED
		run.Error = canceled(run)
	}
	return run, err
}

// canceled is the error of a canceled run.
func canceled(run *pipelinev1.Run) *statuspb.Status {
	why := "the run was terminated before it ended"
	if said := run.GetError().GetMessage(); said != "" {
		why = said
	}
	return &statuspb.Status{Code: int32(codes.Canceled), Message: "canceled: " + why}
}
