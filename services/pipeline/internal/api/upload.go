package api

import (
	"context"
	"path"
	"strings"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/upload"
)

// UploadPipeline implements PipelineService.
func (s *pipelines) UploadPipeline(ctx context.Context, r *pipelinev1.UploadPipelineRequest) (*pipelinev1.Pipeline, error) {
	of, err := unpack(r.GetFileName(), r.GetContent())
	if err != nil {
		return nil, err
	}
	return s.createBoth(ctx, &pipelinev1.Pipeline{
		Name:        uploadName(r.GetName(), r.GetDisplayName(), r.GetFileName()),
		DisplayName: r.GetDisplayName(),
		Description: r.GetDescription(),
		Namespace:   r.GetNamespace(),
		Tags:        r.GetTags(),
	}, &pipelinev1.PipelineVersion{CodeSourceUrl: r.GetCodeSourceUrl()}, of)
}

// CreatePipelineAndVersion implements PipelineService.
func (s *pipelines) CreatePipelineAndVersion(ctx context.Context, r *pipelinev1.CreatePipelineAndVersionRequest) (*pipelinev1.Pipeline, error) {
	of, err := s.specOf(ctx, r.GetPipelineVersion())
	if err != nil {
		return nil, err
	}
	return s.createBoth(ctx, r.GetPipeline(), r.GetPipelineVersion(), of)
}

// createBoth stores a pipeline and its first version, which is called as the
// pipeline where nothing else was asked for, together or not at all.
func (s *pipelines) createBoth(ctx context.Context, asked *pipelinev1.Pipeline, version *pipelinev1.PipelineVersion, of *spec) (*pipelinev1.Pipeline, error) {
	p, err := s.newPipeline(asked)
	if err != nil {
		return nil, err
	}
	first := &pipelinev1.PipelineVersion{
		Name: p.GetName(), DisplayName: p.GetDisplayName(), Description: p.GetDescription(),
	}
	if len(version.GetTags()) == 0 {
		first.Tags = p.GetTags()
	}
	proto.Merge(first, version)
	v, err := s.newVersion(p, first)
	if err != nil {
		return nil, err
	}
	if err := of.store(ctx, s.Blob); err != nil {
		return nil, err
	}
	v.SpecDigest = of.digest
	return p, s.createPipeline(ctx, p, s.versionOps(v)...)
}

// UploadPipelineVersion implements PipelineService.
func (s *pipelines) UploadPipelineVersion(ctx context.Context, r *pipelinev1.UploadPipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	if r.GetPipelineId() == "" {
		return nil, fault.Invalidf("pipelineid", "is missing; want the id of the pipeline that the version belongs to")
	}
	of, err := unpack(r.GetFileName(), r.GetContent())
	if err != nil {
		return nil, err
	}
	return s.addVersion(ctx, r.GetPipelineId(), &pipelinev1.PipelineVersion{
		Name:          uploadName(r.GetName(), r.GetDisplayName(), r.GetFileName()),
		DisplayName:   r.GetDisplayName(),
		Description:   r.GetDescription(),
		CodeSourceUrl: r.GetCodeSourceUrl(),
		Tags:          r.GetTags(),
	}, of)
}

// unpack finds, reads and checks the pipeline in a file.
func unpack(fileName string, content []byte) (*spec, error) {
	yaml, err := upload.Unpack(fileName, content)
	if err != nil {
		return nil, err
	}
	return parseSpec(yaml)
}

// uploadName is the name that was asked for, or else that of the file without
// its extensions.
func uploadName(name, shown, fileName string) string {
	if name != "" {
		return name
	}
	if shown != "" {
		return shown
	}
	base := path.Base(strings.ReplaceAll(fileName, `\`, "/"))
	for _, extension := range []string{".tar.gz", ".tgz", path.Ext(base)} {
		if trimmed, ok := strings.CutSuffix(base, extension); ok {
			return trimmed
		}
	}
	return base
}
