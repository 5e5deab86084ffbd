package engine

import (
	"context"
	"errors"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestVacate(t *testing.T) {
	t.Parallel()
	const runs, well = gpuagentv1.Phase_PHASE_RUNNING, gpuagentv1.Phase_PHASE_SUCCEEDED
	e := &Engine{lives: map[string]*life{}}
	want := map[string]bool{}
	for name, tt := range map[string]struct {
		bears   bool
		node    string
		phase   gpuagentv1.Phase
		stopped bool
	}{
		"on it":              {true, "n2", runs, true},
		"on it, not to move": {false, "n2", runs, false},
		"elsewhere":          {true, "n3", runs, false},
		"has ended":          {true, "n2", well, false},
	} {
		e.lives[name] = newLife(e, &gpuagentv1.Workload{
			Spec: &gpuagentv1.WorkloadSpec{Disruptible: tt.bears},
			Status: &gpuagentv1.WorkloadStatus{Replicas: []*gpuagentv1.ReplicaStatus{
				{Node: "n1", Phase: runs}, {Node: tt.node, Index: 1, Phase: tt.phase},
			}},
		})
		want[name] = tt.stopped
	}
	e.vacate("n2", "node n2 is drained")
	for name, l := range e.lives {
		cause := context.Cause(l.stopping)
		if made := (*preemption)(nil); errors.As(cause, &made) != want[name] || want[name] && cause.Error() != "node n2 is drained" {
			t.Errorf("%s: stopped by %v, want it stopped: %v", name, cause, want[name])
		}
	}
}
