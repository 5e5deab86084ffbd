package engine

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// AgentOf calls the agent of a node that has joined.
func (e *Engine) AgentOf(node string) (gpuagentv1.WorkloadServiceClient, error) {
	item, ok := e.nodes.Get(node)
	if !ok || e.Agents == nil {
		return nil, fault.Unavailablef("node %s is not to be reached now", node)
	}
	conn, err := e.Agents.Agent(node, item.Value.GetStatus().GetAgentAddress())
	if err != nil {
		return nil, err
	}
	return gpuagentv1.NewWorkloadServiceClient(conn), nil
}
