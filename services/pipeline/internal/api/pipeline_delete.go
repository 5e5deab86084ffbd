package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// deleteBatch is how many versions go in one commit: two ops each, of the 100
// that a commit takes.
const deleteBatch = 48

// DeletePipeline implements PipelineService. With cascade, versions go first, so
// that what a crash leaves is a pipeline that can be deleted again.
func (s *pipelines) DeletePipeline(ctx context.Context, r *pipelinev1.DeletePipelineRequest) (*emptypb.Empty, error) {
	for {
		item, err := s.pipeline(ctx, r.GetPipelineId())
		if err != nil {
			return nil, err
		}
		versions, err := s.versions(ctx, r.GetPipelineId())
		if err != nil {
			return nil, err
		}
		if len(versions) > 0 && !r.GetCascade() {
			return nil, fault.Preconditionf("pipeline %q has %d versions: delete them first, or set cascade=true",
				item.Value.GetName(), len(versions)).WithReason("PIPELINE_HAS_VERSIONS")
		}
		for batch := range slices.Chunk(versions, deleteBatch) {
			if err := s.deleteVersions(ctx, batch); err != nil {
				return nil, err
			}
		}
		_, err = s.State.Backend.Commit(ctx,
			s.State.Pipelines.DeleteOp(item.Key, item.Revision),
			s.release(pipelineNames, item.Value.GetNamespace(), item.Value.GetName()))
		if !fault.Is(err, fault.Conflict) { // a version was added meanwhile
			return &emptypb.Empty{}, err
		}
	}
}

// DeletePipelineVersion implements PipelineService.
func (s *pipelines) DeletePipelineVersion(ctx context.Context, r *pipelinev1.DeletePipelineVersionRequest) (*emptypb.Empty, error) {
	item, err := s.version(ctx, r.GetPipelineId(), r.GetPipelineVersionId())
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, s.deleteVersions(ctx, []store.Item[*pipelinev1.VersionState]{item})
}

// deleteVersions deletes versions with their names. Their specs stay: other
// versions and runs may name the same.
func (s *pipelines) deleteVersions(ctx context.Context, versions []store.Item[*pipelinev1.VersionState]) error {
	var ops []store.Op
	for _, item := range versions {
		v := item.Value.GetVersion()
		ops = append(ops,
			s.State.Versions.DeleteOp(item.Key, store.AnyRevision),
			s.release(versionNames, v.GetPipelineId(), v.GetName()))
	}
	_, err := s.State.Backend.Commit(ctx, ops...)
	return err
}
