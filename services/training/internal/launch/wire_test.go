package launch

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/rendezvous"
)

func TestDefaultsGiveWayAndTheRendezvousDoesNot(t *testing.T) {
	t.Parallel()
	own := []*gpuagentv1.EnvVar{{Name: "RANK", Value: "own"}, {Name: "LOCAL", Value: "own"}}
	template := &gpuagentv1.Template{Env: own, Companions: []*gpuagentv1.Companion{{Name: "beside", Env: own}}}
	wire(template, "main", rendezvous.Wiring{
		Env:      []rendezvous.Var{{Name: "RANK", Value: "wired"}},
		Defaults: []rendezvous.Var{{Name: "LOCAL", Value: "default"}, {Name: "OTHER", Value: "default"}},
	})
	want := map[string]string{"RANK": "wired", "LOCAL": "own", "OTHER": "default"}
	for name, env := range map[string][]*gpuagentv1.EnvVar{"main": template.GetEnv(), "beside": template.GetCompanions()[0].GetEnv()} {
		got := map[string]string{}
		for _, v := range env {
			got[v.GetName()] = v.GetValue() // the later wins
		}
		for variable, value := range want {
			if got[variable] != value {
				t.Errorf("%s of %s: %q, want %q", variable, name, got[variable], value)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s has %v", name, got)
		}
	}
}
