package engine

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

func TestSeatAmong(t *testing.T) {
	node := func(name, address string, gpus int, cordoned bool) *gpuagentv1.Node {
		return &gpuagentv1.Node{
			Metadata: &metav1.ObjectMeta{Name: name},
			Status:   &gpuagentv1.NodeStatus{Ready: true, AgentAddress: address, Gpus: make([]*gpuagentv1.Gpu, gpus), Cordoned: cordoned},
		}
	}
	for name, c := range map[string]struct {
		nodes []*gpuagentv1.Node
		want  string
	}{
		"the head has them":         {[]*gpuagentv1.Node{node("a", "a:1", 8, false), node("head", "", 2, false)}, ""},
		"another has":               {[]*gpuagentv1.Node{node("head", "", 1, false), node("a", "a:1", 2, false)}, "a"},
		"the one that has most":     {[]*gpuagentv1.Node{node("head", "", 0, false), node("a", "a:1", 2, false), node("b", "b:1", 8, false)}, "b"},
		"one that takes no more":    {[]*gpuagentv1.Node{node("head", "", 0, false), node("a", "a:1", 2, false), node("b", "b:1", 8, true)}, "a"},
		"nobody has":                {[]*gpuagentv1.Node{node("head", "", 0, false), node("a", "a:1", 1, false)}, ""},
		"the head takes no more":    {[]*gpuagentv1.Node{node("head", "", 8, true), node("a", "a:1", 2, false)}, "a"},
		"nothing is known of nodes": {nil, ""},
	} {
		if got := seatAmong(c.nodes, 2); got != c.want {
			t.Errorf("%s: %q; want %q", name, got, c.want)
		}
	}
}
