package engine

import (
	"fmt"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

func TestDisrupted(t *testing.T) {
	t.Parallel()
	well := result{phase: gpuagentv1.Phase_PHASE_SUCCEEDED}
	stopped := result{phase: gpuagentv1.Phase_PHASE_STOPPED}
	failed := result{phase: gpuagentv1.Phase_PHASE_FAILED, reason: reasonExit}
	lost := result{phase: gpuagentv1.Phase_PHASE_FAILED, reason: runtime.ReasonNodeLost}
	preempted, nodeLost := &preemption{because: "room for x"}, fmt.Errorf("%w: n2", errNodeLost)
	for name, tt := range map[string]struct {
		cause   error
		results []result
		bears   bool
		want    bool
	}{
		"preempted":                       {preempted, []result{stopped, stopped}, true, true},
		"preempted, and had ended well":   {preempted, []result{well, well}, true, false},
		"preempted, and had failed":       {preempted, []result{failed}, true, false},
		"a node lost":                     {nodeLost, []result{stopped, lost}, true, true},
		"failed before the node was lost": {errSibling, []result{failed, lost}, true, true},
		"cannot bear it":                  {errSibling, []result{stopped, lost}, false, false},
		"a stop was asked for":            {errStopAsked, []result{stopped, lost}, true, false},
		"deleted":                         {errDeleted, []result{stopped, lost}, true, false},
		"too late":                        {errDeadline, []result{stopped, lost}, true, false},
		"failed by itself":                {errSibling, []result{failed, stopped}, true, false},
	} {
		w := &gpuagentv1.Workload{Spec: &gpuagentv1.WorkloadSpec{Disruptible: tt.bears}, Status: &gpuagentv1.WorkloadStatus{}}
		l := newLife(&Engine{}, w)
		l.stop(tt.cause)
		if got := l.disrupted(tt.results); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestWhatHasSucceededIsNotRunAnew: of a workload whose leading replica has succeeded others
// may still run, and be lost.
func TestWhatHasSucceededIsNotRunAnew(t *testing.T) {
	t.Parallel()
	const (
		runs = gpuagentv1.Phase_PHASE_RUNNING
		well = gpuagentv1.Phase_PHASE_SUCCEEDED
		all  = gpuagentv1.SuccessRule_SUCCESS_RULE_ALL
		one  = gpuagentv1.SuccessRule_SUCCESS_RULE_ANY
		head = gpuagentv1.SuccessRule_SUCCESS_RULE_FIRST
	)
	for name, tt := range map[string]struct {
		success *gpuagentv1.Success
		phases  []gpuagentv1.Phase // of the master, and two workers
		anew    bool
	}{
		"says nothing":      {nil, []gpuagentv1.Phase{well, well, runs}, true},
		"the master":        {&gpuagentv1.Success{Group: "master"}, []gpuagentv1.Phase{well, runs, runs}, false},
		"the master runs":   {&gpuagentv1.Success{Group: "master"}, []gpuagentv1.Phase{runs, well, well}, true},
		"all workers":       {&gpuagentv1.Success{Group: "worker", Rule: all}, []gpuagentv1.Phase{runs, well, well}, false},
		"not all workers":   {&gpuagentv1.Success{Group: "worker", Rule: all}, []gpuagentv1.Phase{runs, well, runs}, true},
		"any worker":        {&gpuagentv1.Success{Group: "worker", Rule: one}, []gpuagentv1.Phase{runs, runs, well}, false},
		"the first worker":  {&gpuagentv1.Success{Group: "worker", Rule: head}, []gpuagentv1.Phase{runs, well, runs}, false},
		"the second worker": {&gpuagentv1.Success{Group: "worker", Rule: head}, []gpuagentv1.Phase{runs, runs, well}, true},
		"no such group":     {&gpuagentv1.Success{Group: "chief"}, []gpuagentv1.Phase{well, well, runs}, true},
	} {
		w := &gpuagentv1.Workload{
			Spec: &gpuagentv1.WorkloadSpec{Disruptible: true, Success: tt.success},
			Status: &gpuagentv1.WorkloadStatus{Replicas: []*gpuagentv1.ReplicaStatus{
				{Group: "master", Phase: tt.phases[0]}, {Group: "worker", Phase: tt.phases[1]}, {Group: "worker", Index: 1, Phase: tt.phases[2]},
			}},
		}
		l := newLife(&Engine{}, w)
		l.stop(fmt.Errorf("%w: n2", errNodeLost))
		if got := l.disrupted([]result{{phase: well}, lostWith("n2")}); got != tt.anew {
			t.Errorf("%s: %v, want %v", name, got, tt.anew)
		}
	}
}
