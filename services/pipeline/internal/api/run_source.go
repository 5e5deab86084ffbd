package api

import (
	"context"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// source is what a run runs.
type source struct {
	*spec
	namespace string                               // of the pipeline; that of the default experiment to use
	version   *pipelinev1.PipelineVersionReference // nil when the spec came with the run
}

// source finds and checks what a request wants to run.
func (s *runs) source(ctx context.Context, asked *pipelinev1.Run) (*source, error) {
	switch from := asked.GetPipelineSource().(type) {
	case *pipelinev1.Run_PipelineSpec:
		checked, err := checkSpec(from.PipelineSpec)
		return &source{spec: checked, namespace: defaultNamespace}, err
	case *pipelinev1.Run_PipelineVersionReference:
		v, err := s.referenced(ctx, from.PipelineVersionReference)
		if err != nil {
			return nil, err
		}
		return s.stored(ctx, v)
	case *pipelinev1.Run_PipelineVersionId:
		v, err := s.versionAlone(ctx, from.PipelineVersionId)
		if err != nil {
			return nil, err
		}
		return s.stored(ctx, v)
	default:
		return nil, fault.Invalidf("pipeline_spec", "is missing; want pipeline_spec or pipeline_version_reference")
	}
}

// stored is what runs of a version run.
func (s *runs) stored(ctx context.Context, v *pipelinev1.VersionState) (*source, error) {
	checked, err := s.storedSpec(ctx, v.GetSpecDigest())
	return &source{
		spec:      checked,
		namespace: v.GetNamespace(),
		version: &pipelinev1.PipelineVersionReference{
			PipelineId:        v.GetVersion().GetPipelineId(),
			PipelineVersionId: v.GetVersion().GetPipelineVersionId(),
		},
	}, err
}

// storedSpec is a spec by its digest. It was checked when it was stored, and is
// again: what a newer kfmesh refuses must not reach the engine.
func (d Deps) storedSpec(ctx context.Context, digest string) (*spec, error) {
	shown, err := d.loadSpec(ctx, digest)
	if err != nil {
		return nil, err
	}
	return checkSpec(shown)
}

// referenced finds the version that a reference names, or the newest.
func (s *runs) referenced(ctx context.Context, ref *pipelinev1.PipelineVersionReference) (*pipelinev1.VersionState, error) {
	const field = "pipeline_version_reference."
	if ref.GetPipelineId() == "" {
		if ref.GetPipelineVersionId() == "" {
			return nil, fault.Invalidf(field+"pipeline_id", "is missing; want the id of a pipeline")
		}
		return s.versionAlone(ctx, ref.GetPipelineVersionId())
	}
	if ref.GetPipelineVersionId() != "" {
		item, err := s.version(ctx, ref.GetPipelineId(), ref.GetPipelineVersionId())
		if fault.Is(err, fault.NotFound) {
			err = fault.Invalidf(field+"pipeline_version_id", "%s", err)
		}
		return item.Value, err
	}
	versions, err := s.versions(ctx, ref.GetPipelineId())
	if err != nil {
		return nil, err
	}
	if len(versions) == 0 {
		return nil, fault.Invalidf(field+"pipeline_id", "there is no pipeline %q, or it has no version", ref.GetPipelineId())
	}
	return versions[len(versions)-1].Value, nil
}

// versionAlone finds a version whose pipeline the request does not name, as KFP
// once did.
func (s *runs) versionAlone(ctx context.Context, id string) (*pipelinev1.VersionState, error) {
	all, err := values(ctx, s.State.Versions, "")
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if v.GetVersion().GetPipelineVersionId() == id {
			return v, nil
		}
	}
	return nil, fault.Invalidf("pipeline_version_id", "there is no pipeline version %q", id)
}
