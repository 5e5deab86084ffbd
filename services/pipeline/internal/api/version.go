package api

import (
	"cmp"
	"context"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

var versionFields = list.Fields[*pipelinev1.VersionState]{
	ID: func(v *pipelinev1.VersionState) string { return v.GetVersion().GetPipelineVersionId() },
	Key: map[string]list.Field[*pipelinev1.VersionState]{
		"id":                  versionText((*pipelinev1.PipelineVersion).GetPipelineVersionId),
		"pipeline_version_id": versionText((*pipelinev1.PipelineVersion).GetPipelineVersionId),
		"pipeline_id":         versionText((*pipelinev1.PipelineVersion).GetPipelineId),
		"name":                versionText((*pipelinev1.PipelineVersion).GetName),
		"display_name":        versionText((*pipelinev1.PipelineVersion).GetDisplayName),
		"description":         versionText((*pipelinev1.PipelineVersion).GetDescription),
		"code_source_url":     versionText((*pipelinev1.PipelineVersion).GetCodeSourceUrl),
		"created_at": {Time: func(v *pipelinev1.VersionState) *timestamppb.Timestamp {
			return v.GetVersion().GetCreatedAt()
		}},
	},
}

func versionText(of func(*pipelinev1.PipelineVersion) string) list.Field[*pipelinev1.VersionState] {
	return list.Field[*pipelinev1.VersionState]{Text: func(v *pipelinev1.VersionState) string { return of(v.GetVersion()) }}
}

// CreatePipelineVersion implements PipelineService.
func (s *pipelines) CreatePipelineVersion(ctx context.Context, r *pipelinev1.CreatePipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	of, err := s.specOf(ctx, r.GetPipelineVersion())
	if err != nil {
		return nil, err
	}
	return s.addVersion(ctx, r.GetPipelineId(), r.GetPipelineVersion(), of)
}

// newVersion completes what a request says of a version, for one pipeline.
func (s *pipelines) newVersion(p *pipelinev1.Pipeline, asked *pipelinev1.PipelineVersion) (*pipelinev1.VersionState, error) {
	name, shown := names(asked.GetName(), asked.GetDisplayName())
	if err := checkName("name", name); err != nil {
		return nil, err
	}
	return &pipelinev1.VersionState{
		Namespace: p.GetNamespace(),
		Version: &pipelinev1.PipelineVersion{
			PipelineId:        p.GetPipelineId(),
			PipelineVersionId: newID(),
			Name:              name,
			DisplayName:       shown,
			Description:       asked.GetDescription(),
			PackageUrl:        asked.GetPackageUrl(),
			CodeSourceUrl:     asked.GetCodeSourceUrl(),
			Tags:              asked.GetTags(),
			CreatedAt:         s.now(),
		},
	}, nil
}

// versionOps are the writes that create a version.
func (s *pipelines) versionOps(v *pipelinev1.VersionState) []store.Op {
	pipelineID, id := v.GetVersion().GetPipelineId(), v.GetVersion().GetPipelineVersionId()
	return []store.Op{
		s.claim(versionNames, pipelineID, v.GetVersion().GetName(), id),
		s.State.Versions.CreateOp(state.VersionKey(pipelineID, id), v),
	}
}

// addVersion stores a further version. The pipeline is written with it, as it
// is, so that it cannot be deleted meanwhile.
func (s *pipelines) addVersion(ctx context.Context, pipelineID string, asked *pipelinev1.PipelineVersion, of *spec) (*pipelinev1.PipelineVersion, error) {
	for {
		item, err := s.pipeline(ctx, pipelineID)
		if err != nil {
			return nil, err
		}
		v, err := s.newVersion(item.Value, asked)
		if err != nil {
			return nil, err
		}
		if err := of.store(ctx, s.Blob); err != nil {
			return nil, err
		}
		v.SpecDigest = of.digest
		ops := append(s.versionOps(v), s.State.Pipelines.UpdateOp(item.Key, item.Value, item.Revision))
		_, err = s.State.Backend.Commit(ctx, ops...)
		switch {
		case err == nil:
			return shownVersion(v, of), nil
		case fault.Is(err, fault.AlreadyExists):
			return nil, fault.AlreadyExistsf("pipeline %q has a version named %q: choose another name",
				item.Value.GetName(), v.GetVersion().GetName()).WithReason("PIPELINE_VERSION_EXISTS")
		case !fault.Is(err, fault.Conflict):
			return nil, err
		}
	}
}

// shownVersion is a version with its spec.
func shownVersion(v *pipelinev1.VersionState, of *spec) *pipelinev1.PipelineVersion {
	shown := proto.CloneOf(v.GetVersion())
	shown.PipelineSpec = of.shown
	return shown
}

// GetPipelineVersion implements PipelineService.
func (s *pipelines) GetPipelineVersion(ctx context.Context, r *pipelinev1.GetPipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	item, err := s.version(ctx, r.GetPipelineId(), r.GetPipelineVersionId())
	if err != nil {
		return nil, err
	}
	return s.withSpec(ctx, item.Value)
}

// withSpec is a stored version with its spec.
func (s *pipelines) withSpec(ctx context.Context, v *pipelinev1.VersionState) (*pipelinev1.PipelineVersion, error) {
	shown, err := s.loadSpec(ctx, v.GetSpecDigest())
	v.GetVersion().PipelineSpec = shown
	return v.GetVersion(), err
}

// version reads a version.
func (d Deps) version(ctx context.Context, pipelineID, id string) (store.Item[*pipelinev1.VersionState], error) {
	return get(ctx, d.State.Versions, "version of pipeline "+pipelineID, id, state.VersionKey(pipelineID, id))
}

// versions reads the versions of a pipeline, oldest first.
func (d Deps) versions(ctx context.Context, pipelineID string) ([]store.Item[*pipelinev1.VersionState], error) {
	items, _, err := d.State.Versions.List(ctx, state.VersionKey(pipelineID, ""))
	slices.SortFunc(items, func(a, b store.Item[*pipelinev1.VersionState]) int {
		return cmp.Compare(a.CreateRevision, b.CreateRevision)
	})
	return items, err
}

// ListPipelineVersions implements PipelineService.
func (s *pipelines) ListPipelineVersions(ctx context.Context, r *pipelinev1.ListPipelineVersionsRequest) (*pipelinev1.ListPipelineVersionsResponse, error) {
	if _, err := s.pipeline(ctx, r.GetPipelineId()); err != nil {
		return nil, err
	}
	q, err := list.Parse(r, list.Equals("pipeline_id", r.GetPipelineId()))
	if err != nil {
		return nil, err
	}
	all, err := values(ctx, s.State.Versions, state.VersionKey(r.GetPipelineId(), ""))
	if err != nil {
		return nil, err
	}
	page, err := list.Select(q, versionFields, all)
	if err != nil {
		return nil, err
	}
	response := &pipelinev1.ListPipelineVersionsResponse{TotalSize: int32(page.Total), NextPageToken: page.Next}
	for _, v := range page.Items {
		shown, err := s.withSpec(ctx, v)
		if err != nil {
			return nil, err
		}
		response.PipelineVersions = append(response.PipelineVersions, shown)
	}
	return response, nil
}
