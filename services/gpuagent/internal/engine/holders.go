package engine

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// unit is a GPU of a node, or a part of one.
type unit struct {
	node  string
	index int32
}

// holders are who has what: the replica that has each unit, and how many workloads run on
// each node.
type holders struct {
	units   map[unit]string
	running map[string]int32
}

// holders are of this moment: the head knows them before any node does.
func (e *Engine) holders() holders {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := holders{map[unit]string{}, map[string]int32{}}
	for _, l := range e.lives {
		l.enterHolders(h)
	}
	return h
}

func (l *life) enterHolders(h holders) {
	l.mu.Lock()
	defer l.mu.Unlock()
	on := map[string]bool{}
	for _, r := range l.w.GetStatus().GetReplicas() {
		for _, index := range r.GetGpus() {
			h.units[unit{r.GetNode(), index}] = state.KeyOf(l.w.GetMetadata()) + "/" + replicaName(r)
		}
		if node := r.GetNode(); node != "" && !on[node] && !state.Ended(r.GetPhase()) {
			on[node] = true
			h.running[node]++
		}
	}
}

// name enters them into a node.
func (h holders) name(n *gpuagentv1.Node) {
	name := n.GetMetadata().GetName()
	for _, gpu := range n.GetStatus().GetGpus() {
		gpu.Holder = h.units[unit{name, gpu.GetIndex()}]
	}
	n.Status.RunningWorkloads = h.running[name]
}
