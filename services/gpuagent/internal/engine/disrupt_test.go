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
