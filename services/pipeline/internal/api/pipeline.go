package api

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// pipelines implements PipelineService.
type pipelines struct {
	pipelinev1.UnimplementedPipelineServiceServer
	Deps
}

var pipelineFields = list.Fields[*pipelinev1.Pipeline]{
	ID: (*pipelinev1.Pipeline).GetPipelineId,
	Key: map[string]list.Field[*pipelinev1.Pipeline]{
		"id":           {Text: (*pipelinev1.Pipeline).GetPipelineId},
		"pipeline_id":  {Text: (*pipelinev1.Pipeline).GetPipelineId},
		"name":         {Text: (*pipelinev1.Pipeline).GetName},
		"display_name": {Text: (*pipelinev1.Pipeline).GetDisplayName},
		"description":  {Text: (*pipelinev1.Pipeline).GetDescription},
		"namespace":    {Text: (*pipelinev1.Pipeline).GetNamespace},
		"created_at":   {Time: (*pipelinev1.Pipeline).GetCreatedAt},
	},
}

// CreatePipeline implements PipelineService.
func (s *pipelines) CreatePipeline(ctx context.Context, r *pipelinev1.CreatePipelineRequest) (*pipelinev1.Pipeline, error) {
	p, err := s.newPipeline(r.GetPipeline())
	if err != nil {
		return nil, err
	}
	return p, s.createPipeline(ctx, p)
}

// newPipeline completes what a request says of a pipeline.
func (s *pipelines) newPipeline(asked *pipelinev1.Pipeline) (*pipelinev1.Pipeline, error) {
	namespace, err := namespaceOf(asked.GetNamespace())
	if err != nil {
		return nil, err
	}
	name, shown := names(asked.GetName(), asked.GetDisplayName())
	if err := checkName("name", name); err != nil {
		return nil, err
	}
	return &pipelinev1.Pipeline{
		PipelineId:  newID(),
		Name:        name,
		DisplayName: shown,
		Description: asked.GetDescription(),
		Namespace:   namespace,
		Tags:        asked.GetTags(),
		CreatedAt:   s.now(),
	}, nil
}

// names fills in a name or a name for people from the other.
func names(name, shown string) (string, string) {
	switch {
	case name == "":
		return shown, shown
	case shown == "":
		return name, name
	}
	return name, shown
}

// createPipeline stores a pipeline, and what comes with it, in one commit.
func (s *pipelines) createPipeline(ctx context.Context, p *pipelinev1.Pipeline, with ...store.Op) error {
	ops := append(with,
		s.claim(pipelineNames, p.GetNamespace(), p.GetName(), p.GetPipelineId()),
		s.State.Pipelines.CreateOp(p.GetPipelineId(), p))
	_, err := s.State.Backend.Commit(ctx, ops...)
	if fault.Is(err, fault.AlreadyExists) {
		return fault.AlreadyExistsf("a pipeline named %q exists in namespace %q: choose another name, or upload a new version of it",
			p.GetName(), p.GetNamespace()).WithReason("PIPELINE_EXISTS")
	}
	return refuseSize(err, "pipeline")
}

// GetPipeline implements PipelineService.
func (s *pipelines) GetPipeline(ctx context.Context, r *pipelinev1.GetPipelineRequest) (*pipelinev1.Pipeline, error) {
	item, err := s.pipeline(ctx, r.GetPipelineId())
	return item.Value, err
}

// pipeline reads a pipeline.
func (s *pipelines) pipeline(ctx context.Context, id string) (store.Item[*pipelinev1.Pipeline], error) {
	return get(ctx, s.State.Pipelines, "pipeline", id, id)
}

// get reads an item, with an error that says which thing there is none of.
func get[M proto.Message](ctx context.Context, from *store.Collection[M], kind, id, key string) (store.Item[M], error) {
	item, err := from.Get(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return item, fault.NotFoundf("there is no %s %q", kind, id).WithCause(err)
	}
	if err != nil {
		return item, fmt.Errorf("read %s %s: %w", kind, id, err)
	}
	return item, nil
}

// GetPipelineByName implements PipelineService.
func (s *pipelines) GetPipelineByName(ctx context.Context, r *pipelinev1.GetPipelineByNameRequest) (*pipelinev1.Pipeline, error) {
	namespace, err := namespaceOf(r.GetNamespace())
	if err != nil {
		return nil, err
	}
	claim, err := s.State.Names.Get(ctx, state.NameKey(pipelineNames, namespace, r.GetName()))
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("there is no pipeline named %q in namespace %q", r.GetName(), namespace)
	}
	if err != nil {
		return nil, err
	}
	item, err := s.pipeline(ctx, claim.Value.GetId())
	return item.Value, err
}

// ListPipelines implements PipelineService.
func (s *pipelines) ListPipelines(ctx context.Context, r *pipelinev1.ListPipelinesRequest) (*pipelinev1.ListPipelinesResponse, error) {
	namespace, err := namespaceOf(r.GetNamespace())
	if err != nil {
		return nil, err
	}
	q, err := list.Parse(r, list.Equals("namespace", namespace))
	if err != nil {
		return nil, err
	}
	all, err := values(ctx, s.State.Pipelines, "")
	if err != nil {
		return nil, err
	}
	page, err := list.Select(q, pipelineFields, all)
	return &pipelinev1.ListPipelinesResponse{
		Pipelines: page.Items, TotalSize: int32(page.Total), NextPageToken: page.Next,
	}, err
}

// values reads the values whose keys start with a prefix.
func values[M proto.Message](ctx context.Context, from *store.Collection[M], keyPrefix string) ([]M, error) {
	items, _, err := from.List(ctx, keyPrefix)
	all := make([]M, len(items))
	for i, item := range items {
		all[i] = item.Value
	}
	return all, err
}
