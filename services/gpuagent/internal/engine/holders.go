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

// holders name the replica that has each unit.
type holders map[unit]string

// holders are of this moment: the head knows them before any node does.
func (e *Engine) holders() holders {
	e.mu.Lock()
	defer e.mu.Unlock()
	h := holders{}
	for _, l := range e.lives {
		l.enterHolders(h)
	}
	return h
}

func (l *life) enterHolders(h holders) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.w.GetStatus().GetReplicas() {
		for _, index := range r.GetGpus() {
			h[unit{r.GetNode(), index}] = state.KeyOf(l.w.GetMetadata()) + "/" + replicaName(r)
		}
	}
}

// name enters them into a node.
func (h holders) name(n *gpuagentv1.Node) {
	for _, gpu := range n.GetStatus().GetGpus() {
		gpu.Holder = h[unit{n.GetMetadata().GetName(), gpu.GetIndex()}]
	}
}
