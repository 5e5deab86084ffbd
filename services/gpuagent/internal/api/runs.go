package api

import (
	"context"

	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
)

// RegisterRuns adds what the agent of a head serves to those of nodes that have joined.
// The node that calls is told by caller.
func RegisterRuns(server grpc.ServiceRegistrar, e *engine.Engine, caller func(context.Context) (string, error)) {
	doorv1.RegisterRunServiceServer(server, &runs{engine: e, caller: caller})
}

// runs implements RunService.
type runs struct {
	doorv1.UnimplementedRunServiceServer
	engine *engine.Engine
	caller func(context.Context) (string, error)
}

// RevealSecret implements RunService.
func (s *runs) RevealSecret(ctx context.Context, r *doorv1.RevealSecretRequest) (*doorv1.RevealSecretResponse, error) {
	node, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	values, err := s.engine.RevealTo(ctx, node, r.GetRun(), r.GetName())
	if err != nil {
		return nil, err
	}
	return &doorv1.RevealSecretResponse{Data: values}, nil
}

// GetRunKey implements RunService.
func (s *runs) GetRunKey(ctx context.Context, r *doorv1.GetRunKeyRequest) (*doorv1.GetRunKeyResponse, error) {
	node, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	key, err := s.engine.RunKeyFor(node, r.GetRun())
	if err != nil {
		return nil, err
	}
	return &doorv1.GetRunKeyResponse{Key: key}, nil
}
