package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// ArchiveRun implements RunService.
func (s *runs) ArchiveRun(ctx context.Context, r *pipelinev1.ArchiveRunRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.setRunStorage(ctx, r.GetRunId(), pipelinev1.Run_ARCHIVED)
}

// UnarchiveRun implements RunService.
func (s *runs) UnarchiveRun(ctx context.Context, r *pipelinev1.UnarchiveRunRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.setRunStorage(ctx, r.GetRunId(), pipelinev1.Run_AVAILABLE)
}

// setRunStorage puts a run away or takes it out again, wherever it is. Done to a
// live run that the engine archives at that moment, the write makes the engine's
// delete fail, and the engine archives the run anew.
func (d Deps) setRunStorage(ctx context.Context, id string, to pipelinev1.Run_StorageState) error {
	_, err := d.State.Runs.Modify(ctx, id, func(run *pipelinev1.RunState) (bool, error) {
		if run.GetDeleteRequested() {
			return false, noRun(id)
		}
		changed := run.GetRun().GetStorageState() != to
		run.GetRun().StorageState = to
		return changed, nil
	})
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	finished, err := d.finishedRun(ctx, id)
	if err != nil || finished.GetState().GetRun().GetStorageState() == to {
		return err
	}
	finished.GetState().GetRun().StorageState = to
	record, err := state.Record(finished.GetState(), finished.GetTasks())
	if err != nil {
		return err
	}
	_, err = d.Archive.PutRecord(ctx, &metadatav1.PutRecordRequest{Record: record})
	return err
}

// finishedRun reads a run from the archive, with its tasks as the store had them.
func (d Deps) finishedRun(ctx context.Context, id string) (*pipelinev1.ArchivedRun, error) {
	if id == "" {
		return nil, noRun(id)
	}
	record, err := d.Archive.GetRecord(ctx, &metadatav1.GetRecordRequest{Kind: state.RunKind, Uid: id})
	if fault.Is(err, fault.NotFound) {
		return nil, noRun(id)
	}
	if err != nil {
		return nil, err
	}
	return state.Detail(record)
}

func noRun(id string) error {
	return fault.NotFoundf("there is no run %q", id).WithReason("RUN_NOT_FOUND")
}
