package engine

import (
	"cmp"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// mostUsages bounds how many replicas a node's record tells of: those with the most
// memory.
const mostUsages = 256

// replicasNow is what the replicas of the node use, by name.
func (e *Engine) replicasNow() []*gpuagentv1.ReplicaUsage {
	leaders := e.leaders()
	if len(leaders) == 0 {
		return nil
	}
	uses := e.sessions.Look()
	var all []*gpuagentv1.ReplicaUsage
	for name, pid := range leaders {
		if use, ok := uses[pid()]; ok {
			all = append(all, &gpuagentv1.ReplicaUsage{Replica: name, CpuUsedMilli: use.CPUMilli, MemoryUsedBytes: use.MemoryBytes})
		}
	}
	slices.SortFunc(all, func(a, b *gpuagentv1.ReplicaUsage) int {
		return cmp.Compare(b.GetMemoryUsedBytes(), a.GetMemoryUsedBytes())
	})
	all = all[:min(len(all), mostUsages)]
	slices.SortFunc(all, func(a, b *gpuagentv1.ReplicaUsage) int { return cmp.Compare(a.GetReplica(), b.GetReplica()) })
	return all
}

// leaders are the replicas that run here, as namespace/workload/replica, with what tells
// the process id of each.
func (e *Engine) leaders() map[string]func() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	leaders := map[string]func() int{}
	for _, l := range e.lives {
		l.mu.Lock()
		for position, pid := range l.pids {
			if r := l.w.GetStatus().GetReplicas()[position]; r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING {
				leaders[state.KeyOf(l.w.GetMetadata())+"/"+replicaName(r)] = pid
			}
		}
		l.mu.Unlock()
	}
	return leaders
}
