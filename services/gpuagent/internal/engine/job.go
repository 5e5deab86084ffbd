package engine

import (
	"maps"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/staging"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// nodeLabel is the label that every node has of its own, to select it by name.
const nodeLabel = "kfmesh.dev/node"

// jobOf is a workload as the scheduler sees it.
func (e *Engine) jobOf(w *gpuagentv1.Workload) scheduler.Job {
	m, spec := w.GetMetadata(), w.GetSpec()
	job := scheduler.Job{
		UID: m.GetUid(), Namespace: m.GetNamespace(), Name: m.GetName(), Queue: spec.GetQueue(), Priority: spec.GetPriority(),
		Submitted: m.GetCreateTime().AsTime(), Prefer: e.Node, Preemptible: spec.GetDisruptible(),
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
	}
}

// boundTo names the node that a workload has to run on because what it refers to is
// there alone, and is empty when it may run on any: volumes are directories of their
// node, secrets are sealed with the head's key, and absolute paths in staging are
// those of the head. Of a workload that has to
// be on one node, whichever that is, it is the head if that is large enough.
func (e *Engine) boundTo(w *gpuagentv1.Workload) string {
	for key := range claims(w) {
		if item, known := e.volumes.Get(key); known && item.Value.GetStatus().GetNode() != "" {
			return item.Value.GetStatus().GetNode()
		}
		return e.Node
	}
	for _, group := range w.GetSpec().GetGroups() {
		if t := group.GetTemplate(); staging.Bound(t.GetStaging(), e.Objects.Base()) || needsSecrets(t) {
			return e.Node
		}
	}
	if w.GetSpec().GetOneNode() {
		return e.largeEnough(w.GetSpec())
	}
	return ""
}

// largeEnough is a node that has what all replicas of a workload ask for together: the
// head if it has, or if none has.
func (e *Engine) largeEnough(spec *gpuagentv1.WorkloadSpec) string {
	var memory int64
	gpus := 0
	for _, g := range spec.GetGroups() {
		need := g.GetTemplate().GetResources()
		memory += int64(state.Replicas(g)) * need.GetMemoryBytes()
		gpus += state.Replicas(g) * int(need.GetGpus())
	}
	fits := func(s *gpuagentv1.NodeStatus) bool { return memory <= s.GetMemoryBytes() && gpus <= len(s.GetGpus()) }
	if fits(e.node.GetStatus()) {
		return e.Node
	}
	for _, item := range e.nodes.List("") {
		if fits(item.Value.GetStatus()) {
			return item.Key
		}
	}
	return e.Node
}

// needsSecrets reports whether a replica refers to secrets.
func needsSecrets(t *gpuagentv1.Template) bool {
	for _, v := range t.GetVolumes() {
		if v.GetSecret() != nil {
			return true
		}
	}
	for _, v := range t.GetEnv() {
		if v.GetValueFrom().GetSecret() != nil {
			return true
		}
	}
	return len(t.GetImagePullSecrets()) > 0
}

// slotOf is where the i-th replica of a job is.
func slotOf(job scheduler.Job, i int, r *gpuagentv1.ReplicaStatus) scheduler.Slot {
	slot := scheduler.Slot{Index: i, Node: r.GetNode(), GPUs: r.GetGpus()}
	for slot.Index >= job.Groups[slot.Group].Count {
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
	for _, gpu := range status.GetGpus() {
		node.GPUs = append(node.GPUs, scheduler.GPU{
			Index: gpu.GetIndex(), Model: gpu.GetModel(), MemoryBytes: gpu.GetMemoryBytes(), Unhealthy: gpu.GetProblem() != "",
			Link: int(gpu.GetLinkGroup()),
		})
	}
	return node
}
