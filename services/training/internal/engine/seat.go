package engine

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
)

// seat names the node that a job's volume is made on: what mounts it runs there. A template that
// names one is heeded; empty is the head.
func (e *Engine) seat(ctx context.Context, job *trainingv1.TrainingJob, c *trainingv1.JobClaim) (string, error) {
	if node := c.GetLabels()[launch.LabelNode]; node != "" {
		return node, nil
	}
	need := int32(0)
	for _, g := range job.GetSpec().GetGroups() {
		need = max(need, g.GetGpus())
	}
	if need == 0 {
		return "", nil
	}
	nodes, err := e.deps.Nodes.ListNodes(ctx, &gpuagentv1.ListNodesRequest{})
	if err != nil {
		return "", err
	}
	return seatAmong(nodes.GetNodes(), int(need)), nil
}

// seatAmong is the head, where replicas that ask for so many GPUs have room there or nowhere, and
// otherwise the node that has most of them.
func seatAmong(nodes []*gpuagentv1.Node, need int) string {
	best, most := "", need-1
	for _, n := range nodes {
		s := n.GetStatus()
		gpus := len(s.GetGpus())
		if !s.GetReady() || s.GetCordoned() || gpus < need {
			continue
		}
		if s.GetAgentAddress() == "" {
			return ""
		}
		if gpus > most {
			best, most = n.GetMetadata().GetName(), gpus
		}
	}
	return best
}
