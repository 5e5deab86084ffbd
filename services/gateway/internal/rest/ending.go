package rest

import (
	"context"
	"errors"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// endingRuns is the run service as KFP's clients know it: a canceled run that is
// got is FAILED, as KFP reports one, because its clients wait for no other end.
// The error says that it was canceled, and the history still ends with CANCELED.
// To terminate a run that has just been made and has ended already is no error: in
// KFP a run lasts longer than the call before it, here it may not. All other calls
// are passed on as they are.
type endingRuns struct{ pipelinev1.RunServiceClient }

// overtaken is how long after its creation a run that has ended is taken to have
// been quicker than whoever terminates it.
const overtaken = 2 * time.Second

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

// TerminateRun implements pipelinev1.RunServiceClient.
func (r endingRuns) TerminateRun(ctx context.Context, in *pipelinev1.TerminateRunRequest, opts ...grpc.CallOption) (*emptypb.Empty, error) {
	answer, err := r.RunServiceClient.TerminateRun(ctx, in, opts...)
	if refusal, ok := errors.AsType[*fault.Error](err); !ok || refusal.Reason != "RUN_FINISHED" {
		return answer, err
	}
	run, lost := r.RunServiceClient.GetRun(ctx, &pipelinev1.GetRunRequest{RunId: in.GetRunId()}, opts...)
	if lost == nil && time.Since(run.GetCreatedAt().AsTime()) < overtaken {
		return &emptypb.Empty{}, nil
	}
	return nil, err
}
