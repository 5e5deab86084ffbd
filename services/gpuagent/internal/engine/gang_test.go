package engine

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

func TestGangOf(t *testing.T) {
	t.Parallel()
	group := func(name string, count int32, independent bool, env string) *gpuagentv1.ReplicaGroup {
		return &gpuagentv1.ReplicaGroup{Name: name, Count: count, Independent: independent, Template: &gpuagentv1.Template{
			Env: []*gpuagentv1.EnvVar{{Name: "PEER", Value: env}},
		}}
	}
	for name, tt := range map[string]struct {
		spec *gpuagentv1.WorkloadSpec
		want int
	}{
		"all by default": {&gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, true, "")}}, 0},
		"as it asks":     {&gpuagentv1.WorkloadSpec{GangMin: 2, Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, true, "${replica.w.0.host}")}}, 2},
		"more than all":  {&gpuagentv1.WorkloadSpec{GangMin: 9, Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, true, "")}}, 0},
		"those that it refers to": {
			&gpuagentv1.WorkloadSpec{GangMin: 1, Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, true, "$${replica.w.3.host} ${replica.w.2.port.p}")}}, 3,
		},
		"those that are not independent": {
			&gpuagentv1.WorkloadSpec{GangMin: 1, Groups: []*gpuagentv1.ReplicaGroup{group("m", 2, false, ""), group("w", 4, true, "${replica.m.0.host}")}}, 2,
		},
		"none of which is": {&gpuagentv1.WorkloadSpec{GangMin: 1, Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, false, "")}}, 0},
		"on one node":      {&gpuagentv1.WorkloadSpec{GangMin: 1, OneNode: true, Groups: []*gpuagentv1.ReplicaGroup{group("w", 4, true, "")}}, 0},
	} {
		if got := gangOf(tt.spec); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestPositionOf(t *testing.T) {
	t.Parallel()
	spec := &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{{Name: "a"}, {Name: "b", Count: 3}, {Name: "c", Count: 2}}}
	for slot, want := range map[[2]int]int{{0, 0}: 0, {1, 0}: 1, {1, 2}: 3, {2, 1}: 5} {
		if got := positionOf(spec, scheduler.Slot{Group: slot[0], Index: slot[1]}); got != want {
			t.Errorf("%v is at %d, want %d", slot, got, want)
		}
	}
}
