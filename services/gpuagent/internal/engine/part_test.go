package engine

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// TestDoesWithout loses node "n2" of a workload with a lead on "n1" and three workers.
func TestDoesWithout(t *testing.T) {
	t.Parallel()
	first := "${replica.worker.0.host}"
	for name, tt := range map[string]struct {
		change func(*gpuagentv1.Workload)
		want   bool
	}{
		"two workers are left":         {func(*gpuagentv1.Workload) {}, true},
		"fewer than must be":           {func(w *gpuagentv1.Workload) { w.Spec.GangMin = 4 }, false},
		"as many as must be":           {func(w *gpuagentv1.Workload) { w.Spec.GangMin = 3 }, true},
		"workers that depend":          {func(w *gpuagentv1.Workload) { w.Spec.Groups[1].Independent = false }, false},
		"the lead is lost too":         {func(w *gpuagentv1.Workload) { w.Status.Replicas[0].Node = "n2" }, false},
		"one that others refer to":     {func(w *gpuagentv1.Workload) { w.Status.Replicas[1].Node = "n2" }, false},
		"does not bear it":             {func(w *gpuagentv1.Workload) { w.Spec.Disruptible = false }, false},
		"is to be on one node":         {func(w *gpuagentv1.Workload) { w.Spec.OneNode = true }, false},
		"the others have ended":        {func(w *gpuagentv1.Workload) { endAllBut(w, 3) }, false},
		"the others are about to go":   {func(w *gpuagentv1.Workload) { w.Status.Replicas[2].Leaving, w.Spec.GangMin = true, 3 }, false},
		"a third waits to be placed":   {func(w *gpuagentv1.Workload) { w.Status.Replicas[2].Node = "" }, true},
		"and fewer are left with that": {func(w *gpuagentv1.Workload) { w.Status.Replicas[2].Node, w.Spec.GangMin = "", 3 }, false},
	} {
		w := &gpuagentv1.Workload{
			Spec: &gpuagentv1.WorkloadSpec{Disruptible: true, Groups: []*gpuagentv1.ReplicaGroup{
				{Name: "lead", Count: 1, Template: &gpuagentv1.Template{}},
				{Name: "worker", Count: 3, Independent: true, Template: &gpuagentv1.Template{Args: []string{first}}},
			}},
			Status: &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_RUNNING},
		}
		for i, node := range []string{"n1", "n1", "n3", "n2"} {
			r := &gpuagentv1.ReplicaStatus{Group: "worker", Index: int32(i - 1), Node: node, Phase: gpuagentv1.Phase_PHASE_RUNNING}
			if i == 0 {
				r.Group, r.Index = "lead", 0
			}
			w.Status.Replicas = append(w.Status.Replicas, r)
		}
		tt.change(w)
		l := newLife(&Engine{}, w)
		l.lost["n2"] = true
		if got := l.doesWithout("n2"); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

func endAllBut(w *gpuagentv1.Workload, position int) {
	for i, r := range w.GetStatus().GetReplicas() {
		if i != position {
			r.Phase = gpuagentv1.Phase_PHASE_SUCCEEDED
		}
	}
}
