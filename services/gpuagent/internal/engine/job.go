package engine

import (
	"fmt"
	"maps"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/taint"
)

// nodeLabel is the label that every node has of its own, to select it by name.
const nodeLabel = "kfmesh.dev/node"

// jobOf is a workload as the scheduler sees it.
func (e *Engine) jobOf(w *gpuagentv1.Workload) scheduler.Job {
	m, spec := w.GetMetadata(), w.GetSpec()
	job := scheduler.Job{
		UID: m.GetUid(), Namespace: m.GetNamespace(), Name: m.GetName(), Queue: spec.GetQueue(), Priority: spec.GetPriority(),
		Submitted: m.GetCreateTime().AsTime(), Prefer: e.Node, Preemptible: spec.GetDisruptible(),
		GangMin: gangOf(spec), Together: spec.GetOneNode(),
	}
	bound := e.boundTo(w)
	for _, group := range spec.GetGroups() {
		job.Groups = append(job.Groups, scheduler.Group{
			Name: group.GetName(), Count: state.Replicas(group), Need: needOf(group.GetTemplate(), bound),
		})
	}
	return job
}

// needOf is what a replica asks of its node, which is that of a name unless bound is empty.
func needOf(t *gpuagentv1.Template, bound string) scheduler.Need {
	r, selector := t.GetResources(), t.GetNodeSelector()
	if bound != "" {
		selector = maps.Clone(selector)
		if selector == nil {
			selector = map[string]string{}
		}
		selector[nodeLabel] = bound
	}
	return scheduler.Need{
		CPUMilli: r.GetCpuMilli(), MemoryBytes: r.GetMemoryBytes(), GPUs: r.GetGpus(), GPUModel: r.GetGpuModel(), Selector: selector,
		Tolerations: tolerationsOf(t),
	}
}

// tolerationsOf are those of a template that bear on the one effect of taints that there is.
func tolerationsOf(t *gpuagentv1.Template) []scheduler.Toleration {
	var all []scheduler.Toleration
	for _, given := range t.GetTolerations() {
		if effect := given.GetEffect(); effect == "" || effect == taint.NoSchedule {
			all = append(all, scheduler.Toleration{
				Key: given.GetKey(), Value: given.GetValue(), Exists: given.GetOperator() == gpuagentv1.TolerationOperator_TOLERATION_OPERATOR_EXISTS,
			})
		}
	}
	return all
}

// boundTo names the node that a workload has to run on because what it refers to is
// there alone, and is empty when it may run on any: volumes are directories of their
// node, and absolute paths in staging are those of the head.
func (e *Engine) boundTo(w *gpuagentv1.Workload) string {
	if node, _ := e.boundByClaim(w); node != "" {
		return node
	}
	if e.boundByStaging(w) {
		return e.Node
	}
	return ""
}

// boundByClaim is the node of the first volume that a workload mounts, and that
// volume; the head if it is not known. Both are empty without volumes.
func (e *Engine) boundByClaim(w *gpuagentv1.Workload) (node, claim string) {
	for _, key := range slices.Sorted(maps.Keys(claims(w))) {
		if item, known := e.volumes.Get(key); known && item.Value.GetStatus().GetNode() != "" {
			return item.Value.GetStatus().GetNode(), key
		}
		node, claim = e.Node, key
	}
	return node, claim
}

func (e *Engine) boundByStaging(w *gpuagentv1.Workload) bool {
	return slices.ContainsFunc(w.GetSpec().GetGroups(), func(g *gpuagentv1.ReplicaGroup) bool {
		return staging.Bound(g.GetTemplate().GetStaging(), e.Objects.Base())
	})
}

// boundBecause says why a workload that waits has to run on the node that it has to;
// nothing when it may run on any.
func (e *Engine) boundBecause(w *gpuagentv1.Workload) string {
	node, claim := e.boundByClaim(w)
	switch {
	case claim != "":
		return fmt.Sprintf("; it has to run on node %s, where volume %s is", node, claim)
	case e.boundByStaging(w):
		return fmt.Sprintf("; it has to run on node %s, whose files it uses in place", e.Node)
	}
	return ""
}

// slotOf is where the i-th replica of a job is.
func slotOf(job scheduler.Job, i int, r *gpuagentv1.ReplicaStatus) scheduler.Slot {
	slot := scheduler.Slot{Index: i, Node: r.GetNode(), GPUs: r.GetGpus()}
	for slot.Group < len(job.Groups)-1 && slot.Index >= job.Groups[slot.Group].Count {
		slot.Index -= job.Groups[slot.Group].Count
		slot.Group++
	}
	return slot
}

// seen is a node as the scheduler sees it.
func seen(n *gpuagentv1.Node) scheduler.Node {
	status := n.GetStatus()
	labels := maps.Clone(n.GetMetadata().GetLabels())
	if labels == nil {
		labels = map[string]string{}
	}
	labels[nodeLabel] = n.GetMetadata().GetName()
	node := scheduler.Node{
		Name: n.GetMetadata().GetName(), Labels: labels, CPUMilli: status.GetCpuMilli(), MemoryBytes: status.GetMemoryBytes(),
		Limit: int(status.GetMaxWorkloads()), Cordoned: status.GetCordoned(),
	}
	for _, t := range status.GetTaints() {
		node.Taints = append(node.Taints, scheduler.Taint{Key: t.GetKey(), Value: t.GetValue()})
	}
	for _, gpu := range status.GetGpus() {
		node.GPUs = append(node.GPUs, scheduler.GPU{
			Index: gpu.GetIndex(), Model: gpu.GetModel(), Vendor: vendorOf(gpu), MemoryBytes: gpu.GetMemoryBytes(), Unhealthy: gpu.GetProblem() != "",
			Link: int(gpu.GetLinkGroup()), Part: partOf(gpu),
		})
	}
	return node
}

// partOf is what of a GPU a part counts in quotas.
func partOf(gpu *gpuagentv1.Gpu) int {
	switch {
	case gpu.GetShares() > 0:
		return scheduler.SharePart(int(gpu.GetShares()))
	case gpu.GetProfile() != "":
		return scheduler.MIGPart(gpu.GetProfile())
	default:
		return scheduler.Whole
	}
}
