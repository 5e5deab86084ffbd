package api

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// GetNode implements NodeService.
func (s *nodes) GetNode(_ context.Context, r *gpuagentv1.GetNodeRequest) (*gpuagentv1.Node, error) {
	return s.engine.NodeOf(r.GetName())
}

// ListNodes implements NodeService.
func (s *nodes) ListNodes(context.Context, *gpuagentv1.ListNodesRequest) (*gpuagentv1.ListNodesResponse, error) {
	return &gpuagentv1.ListNodesResponse{Nodes: s.engine.Nodes()}, nil
}

// CordonNode implements NodeService.
func (s *nodes) CordonNode(ctx context.Context, r *gpuagentv1.CordonNodeRequest) (*gpuagentv1.Node, error) {
	switch {
	case r.GetDrain() && r.GetUndo():
		return nil, fault.Invalidf("drain", "does not go with undo")
	case r.GetDrain():
		return s.engine.Drain(ctx, r.GetName(), r.GetReason())
	}
	return s.engine.Cordon(ctx, r.GetName(), r.GetUndo(), r.GetReason())
}

// TaintNode implements NodeService.
func (s *nodes) TaintNode(ctx context.Context, r *gpuagentv1.TaintNodeRequest) (*gpuagentv1.Node, error) {
	return s.engine.Taint(ctx, r)
}

// WithdrawGpu implements NodeService.
func (s *nodes) WithdrawGpu(ctx context.Context, r *gpuagentv1.WithdrawGpuRequest) (*gpuagentv1.Node, error) {
	return s.engine.WithdrawGPU(ctx, r.GetName(), r.GetUuid(), r.GetUndo(), r.GetReason())
}
