package engine

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// gangOf is how many of the first replicas of a workload have to be placed together; 0
// means all. That is what the workload asks for, and those that others cannot do without:
// replicas that are not independent, and those that a template refers to, whose addresses
// are known only once they are placed.
func gangOf(spec *gpuagentv1.WorkloadSpec) int {
	if spec.GetGangMin() <= 0 || spec.GetOneNode() {
		return 0
	}
	least, total := max(int(spec.GetGangMin()), neededBy(spec)), 0
	for _, g := range spec.GetGroups() {
		total += state.Replicas(g)
	}
	if least >= total {
		return 0
	}
	return least
}

// neededBy is how many of the first replicas of a workload the others cannot do without.
func neededBy(spec *gpuagentv1.WorkloadSpec) int {
	least, total := 0, 0
	first := map[string]int{}
	for _, g := range spec.GetGroups() {
		first[g.GetName()] = total
		total += state.Replicas(g)
		if !g.GetIndependent() {
			least = max(least, total)
		}
	}
	for _, g := range spec.GetGroups() {
		for _, text := range texts(g.GetTemplate()) {
			expand.References(text, func(group string, index int) {
				if at, known := first[group]; known {
					least = max(least, at+index+1)
				}
			})
		}
	}
	return least
}

// texts are those in which a template may refer to replicas.
func texts(t *gpuagentv1.Template) []string {
	all := append(append([]string(nil), t.GetCommand()...), t.GetArgs()...)
	for _, v := range t.GetEnv() {
		all = append(all, v.GetValue())
	}
	for _, alias := range t.GetHostAliases() {
		all = append(all, alias.GetIp())
	}
	for _, f := range t.GetStaging().GetFiles() {
		all = append(all, string(f.GetContent()))
	}
	return all
}

// positionOf is the position of a slot's replica among all of a workload.
func positionOf(spec *gpuagentv1.WorkloadSpec, slot scheduler.Slot) int {
	position := slot.Index
	for _, g := range spec.GetGroups()[:slot.Group] {
		position += state.Replicas(g)
	}
	return position
}
