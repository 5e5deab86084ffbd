package placement

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

func TestSelector(t *testing.T) {
	books := New(&gpuagentv1.Node{Metadata: &metav1.ObjectMeta{Name: "n", Labels: map[string]string{"disk": "ssd", "empty": ""}}}, 10)
	for _, tt := range []struct {
		selector map[string]string
		sentence string
	}{
		{nil, ""},
		{map[string]string{"disk": "ssd", "empty": ""}, ""},
		{map[string]string{"disk": "hdd"}, "waits for a node with label disk=hdd: that of node n is ssd"},
		{map[string]string{"zone": "a", "disk": "ssd"}, "waits for a node with label zone=a: node n has no label zone"},
		{map[string]string{"gpu": ""}, "waits for a node with label gpu=: node n has no label gpu"},
	} {
		spec := &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{{Name: "main", Template: &gpuagentv1.Template{NodeSelector: tt.selector}}}}
		if _, sentence := books.Reserve("uid", spec); sentence != tt.sentence {
			t.Errorf("%v: %q, want %q", tt.selector, sentence, tt.sentence)
		}
		books.Release("uid")
	}
}
