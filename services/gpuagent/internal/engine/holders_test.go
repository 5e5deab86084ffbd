package engine

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// TestNodesAreShownWithWhatRunsOnThem whatever they have last reported.
func TestNodesAreShownWithWhatRunsOnThem(t *testing.T) {
	t.Parallel()
	const runs, well = gpuagentv1.Phase_PHASE_RUNNING, gpuagentv1.Phase_PHASE_SUCCEEDED
	e := &Engine{lives: map[string]*life{}}
	for name, replicas := range map[string][]*gpuagentv1.ReplicaStatus{
		"both":    {{Group: "a", Node: "n1", Phase: runs, Gpus: []int32{0}}, {Group: "a", Index: 1, Node: "n1", Phase: runs}, {Group: "a", Index: 2, Node: "n2", Phase: runs}},
		"ended":   {{Group: "a", Node: "n1", Phase: well}, {Group: "a", Index: 1, Node: "n2", Phase: runs}},
		"waiting": {{Group: "a", Phase: gpuagentv1.Phase_PHASE_PENDING}},
	} {
		e.lives[name] = newLife(e, &gpuagentv1.Workload{
			Metadata: &metav1.ObjectMeta{Namespace: "ns", Name: name}, Spec: &gpuagentv1.WorkloadSpec{}, Status: &gpuagentv1.WorkloadStatus{Replicas: replicas},
		})
	}
	for name, want := range map[string]int32{"n1": 1, "n2": 2, "n3": 0} {
		n := &gpuagentv1.Node{
			Metadata: &metav1.ObjectMeta{Name: name},
			Status:   &gpuagentv1.NodeStatus{RunningWorkloads: 7, Gpus: []*gpuagentv1.Gpu{{Index: 0, Holder: "stale"}}},
		}
		e.holders().name(n)
		holder := map[string]string{"n1": "ns/both/a-0"}[name]
		if n.GetStatus().GetRunningWorkloads() != want || n.GetStatus().GetGpus()[0].GetHolder() != holder {
			t.Errorf("%s: %v", name, n.GetStatus())
		}
	}
}
