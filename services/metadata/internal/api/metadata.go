package api

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/emit"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
)

// metadataServer is MetadataService.
type metadataServer struct {
	metadatav1.UnimplementedMetadataServiceServer
	source    Source
	followers []graph.Follower
}

func (s *metadataServer) graph(ctx context.Context) (*graph.Graph, error) {
	db, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	return graph.New(db, s.followers...), nil
}

// PutExecution implements MetadataService.
func (s *metadataServer) PutExecution(ctx context.Context, r *metadatav1.PutExecutionRequest) (*metadatav1.PutExecutionResponse, error) {
	if err := graph.Check(r); err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Put(ctx, r)
}

// PutExecutions implements MetadataService.
func (s *metadataServer) PutExecutions(ctx context.Context, r *metadatav1.PutExecutionsRequest) (*metadatav1.PutExecutionsResponse, error) {
	if err := graph.CheckAll(r); err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	responses, err := g.PutAll(ctx, r)
	if err != nil {
		return nil, err
	}
	return &metadatav1.PutExecutionsResponse{Responses: responses}, nil
}

// PutContexts implements MetadataService.
func (s *metadataServer) PutContexts(ctx context.Context, r *metadatav1.PutContextsRequest) (*metadatav1.PutContextsResponse, error) {
	if err := graph.CheckContexts(r.GetContexts()); err != nil {
		return nil, err
	}
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	ids, err := g.PutContexts(ctx, r.GetContexts())
	if err != nil {
		return nil, err
	}
	return &metadatav1.PutContextsResponse{ContextIds: ids}, nil
}

// GetContext implements MetadataService.
func (s *metadataServer) GetContext(ctx context.Context, r *metadatav1.GetContextRequest) (*metadatav1.Context, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Context(ctx, r.GetContextId(), r.GetUid())
}

// ListContexts implements MetadataService.
func (s *metadataServer) ListContexts(ctx context.Context, r *metadatav1.ListContextsRequest) (*metadatav1.ListContextsResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.ListContexts(ctx, r)
}

// GetExecution implements MetadataService.
func (s *metadataServer) GetExecution(ctx context.Context, r *metadatav1.GetExecutionRequest) (*metadatav1.Execution, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Execution(ctx, r.GetExecutionId())
}

// ListExecutions implements MetadataService.
func (s *metadataServer) ListExecutions(ctx context.Context, r *metadatav1.ListExecutionsRequest) (*metadatav1.ListExecutionsResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.ListExecutions(ctx, r)
}

// GetArtifact implements MetadataService.
func (s *metadataServer) GetArtifact(ctx context.Context, r *metadatav1.GetArtifactRequest) (*metadatav1.Artifact, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Artifact(ctx, r.GetArtifactId())
}

// ListArtifacts implements MetadataService.
func (s *metadataServer) ListArtifacts(ctx context.Context, r *metadatav1.ListArtifactsRequest) (*metadatav1.ListArtifactsResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.ListArtifacts(ctx, r)
}

// DeleteArtifact implements MetadataService.
func (s *metadataServer) DeleteArtifact(ctx context.Context, r *metadatav1.DeleteArtifactRequest) (*metadatav1.DeleteArtifactResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.DeleteArtifact(ctx, r.GetArtifactId()); err != nil {
		return nil, err
	}
	return &metadatav1.DeleteArtifactResponse{}, nil
}

// ListEvents implements MetadataService.
func (s *metadataServer) ListEvents(ctx context.Context, r *metadatav1.ListEventsRequest) (*metadatav1.ListEventsResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	events, err := g.Events(ctx, r.GetExecutionId(), r.GetArtifactId())
	if err != nil {
		return nil, err
	}
	return &metadatav1.ListEventsResponse{Events: events}, nil
}

// GetLineage implements MetadataService.
func (s *metadataServer) GetLineage(ctx context.Context, r *metadatav1.GetLineageRequest) (*metadatav1.GetLineageResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Lineage(ctx, r)
}

// ListUses implements MetadataService.
func (s *metadataServer) ListUses(ctx context.Context, r *metadatav1.ListUsesRequest) (*metadatav1.ListUsesResponse, error) {
	g, err := s.graph(ctx)
	if err != nil {
		return nil, err
	}
	return g.Uses(ctx, r)
}

// ListRefusedEvents implements MetadataService.
func (s *metadataServer) ListRefusedEvents(ctx context.Context, r *metadatav1.ListRefusedEventsRequest) (*metadatav1.ListRefusedEventsResponse, error) {
	db, err := s.source(ctx)
	if err != nil {
		return nil, err
	}
	return emit.Refused(ctx, db, r)
}
