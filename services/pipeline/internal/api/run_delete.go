package api

import (
	"context"

	"google.golang.org/protobuf/types/known/emptypb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// DeleteRun implements RunService. A live run is out of sight at once; the
// engine stops it and forgets it. So is a finished one whose artifacts are to go:
// it comes back from the archive to be deleted by the engine.
func (s *runs) DeleteRun(ctx context.Context, r *pipelinev1.DeleteRunRequest) (*emptypb.Empty, error) {
	for {
		err := s.deleteRun(ctx, r.GetRunId(), r.GetDeleteArtifacts())
		if !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.AlreadyExists) { // another was quicker: look again
			return &emptypb.Empty{}, err
		}
	}
}

func (s *runs) deleteRun(ctx context.Context, id string, artifacts bool) error {
	item, err := s.State.Runs.Get(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return s.deleteFinished(ctx, id, artifacts)
	}
	if err != nil {
		return err
	}
	run := item.Value
	if run.GetDeleteRequested() {
		return noRun(id)
	}
	if !state.Terminal(run.GetRun().GetState()) {
		s.cancel(run)
	}
	if err := s.condemn(ctx, run, artifacts); err != nil {
		return err
	}
	_, err = s.State.Runs.Update(ctx, id, run, item.Revision)
	return err
}

func (s *runs) deleteFinished(ctx context.Context, id string, artifacts bool) error {
	finished, err := s.finishedRun(ctx, id)
	if err != nil {
		return err
	}
	if artifacts {
		if err := s.condemn(ctx, finished.GetState(), true); err != nil {
			return err
		}
		_, err := s.State.Runs.Create(ctx, id, finished.GetState())
		return err
	}
	if _, err := s.Archive.DeleteRecord(ctx, &metadatav1.DeleteRecordRequest{Kind: state.RunKind, Uid: id}); err != nil {
		return err
	}
	return s.Blob.Delete(ctx, state.ParametersBlob(id))
}

// condemn marks a run to be deleted, with its artifacts or without. Only artifacts
// at the server's own place can go: no other is known to be the server's alone.
func (s *runs) condemn(ctx context.Context, run *pipelinev1.RunState, artifacts bool) error {
	run.DeleteRequested, run.DeleteArtifacts = true, artifacts
	if !artifacts {
		return nil
	}
	spec, err := s.storedSpec(ctx, run.GetSpecDigest())
	if err != nil {
		return err
	}
	own := s.Blob.URI(state.Artifacts)
	if root := launch.Root(run.GetRun().GetRuntimeConfig().GetPipelineRoot(), spec.DefaultPipelineRoot, own); root != own {
		return fault.Preconditionf("the artifacts of run %q are under %s and not at the server's own place, %s: "+
			"remove them there, and delete the run without its artifacts", run.GetRun().GetRunId(), root, own).
			WithReason("ARTIFACTS_ELSEWHERE")
	}
	return nil
}
