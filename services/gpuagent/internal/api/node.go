package api

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// GetNode implements NodeService.
func (s *nodes) GetNode(ctx context.Context, r *gpuagentv1.GetNodeRequest) (*gpuagentv1.Node, error) {
	item, err := s.state.Nodes.Get(ctx, r.GetName())
	if fault.Is(err, fault.NotFound) {
		return nil, fault.NotFoundf("there is no node %s, or its agent does not run", r.GetName()).WithReason("NODE_NOT_FOUND")
	}
	if err != nil {
		return nil, err
	}
	return stamped(item), nil
}

// ListNodes implements NodeService.
func (s *nodes) ListNodes(ctx context.Context, _ *gpuagentv1.ListNodesRequest) (*gpuagentv1.ListNodesResponse, error) {
	items, _, err := s.state.Nodes.List(ctx, "")
	if err != nil {
		return nil, err
	}
	list := &gpuagentv1.ListNodesResponse{}
	for _, item := range items {
		list.Nodes = append(list.Nodes, stamped(item))
	}
	return list, nil
}

func stamped(item store.Item[*gpuagentv1.Node]) *gpuagentv1.Node {
	item.Value.Metadata.ResourceVersion = item.Revision
	return item.Value
}
