package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/manifest"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func TestTaintRequest(t *testing.T) {
	for line, want := range map[string]*gpuagentv1.TaintNodeRequest{
		"n team=a:NoSchedule": {Name: "n", Add: []*gpuagentv1.Taint{{Key: "team", Value: "a", Effect: "NoSchedule"}}},
		"n a:NoSchedule b- c:NoSchedule-": {
			Name: "n", Add: []*gpuagentv1.Taint{{Key: "a", Effect: "NoSchedule"}}, Remove: []*gpuagentv1.Taint{{Key: "b"}, {Key: "c", Effect: "NoSchedule"}},
		},
		"n":                     nil,
		"n team=a":              nil,
		"n team=a-":             nil,
		"n team=a:NoSchedule-":  {Name: "n", Remove: []*gpuagentv1.Taint{{Key: "team", Value: "a", Effect: "NoSchedule"}}},
		"n =a:NoSchedule":       nil,
		"n -":                   nil,
		"n a:NoSchedule team=b": nil,
	} {
		got, err := taintRequest(strings.Fields(line))
		if want == nil && err == nil || want != nil && (err != nil || !proto.Equal(got, want)) {
			t.Errorf("%s is %v (%v), want %v", line, got, err, want)
		}
	}
}

func TestWhenUnsatisfiable(t *testing.T) {
	all := []manifest.Manifest{
		{Kind: "PyTorchJob", JSON: `{"metadata":{"name":"j","annotations":{"a":"b"}},"n":1.50}`},
		{Kind: "ClusterTrainingRuntime", JSON: `{}`},
	}
	if err := whenUnsatisfiable(all, "fail"); err != nil {
		t.Fatal(err)
	}
	if want := `{"metadata":{"annotations":{"a":"b","kfmesh.dev/when-unsatisfiable":"fail"},"name":"j"},"n":1.50}`; all[0].JSON != want || all[1].JSON != "{}" {
		t.Errorf("they became %v", all)
	}
	if err := whenUnsatisfiable(all, "die"); err == nil {
		t.Error("die is accepted")
	}
}
