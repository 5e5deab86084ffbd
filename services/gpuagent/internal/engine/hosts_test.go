package engine

import (
	"fmt"
	"testing"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/expand"
)

func TestMachines(t *testing.T) {
	t.Parallel()
	a, b, c := expand.Address{Host: "10.0.0.1", Machine: "a"}, expand.Address{Host: "10.0.0.2", Machine: "b"}, expand.Address{Host: "10.0.0.3", Machine: "a"}
	for name, tt := range map[string]struct {
		replicas []expand.Address
		want     string
	}{
		"on one machine":      {[]expand.Address{{Host: "127.0.0.1"}, {Host: "127.0.0.1"}}, "[]"},
		"the first is itself": {[]expand.Address{a, b, b}, "[{10.0.0.2 [b]} {10.0.0.1 [a]}]"},
		"not placed yet":      {[]expand.Address{a, b, {Machine: "z"}}, "[{10.0.0.2 [b]} {10.0.0.1 [a]}]"},
		"of one name":         {[]expand.Address{a, c}, "[{10.0.0.3 [a]}]"},
	} {
		scope := expand.Scope{Group: "worker", Index: 1, Replicas: map[string][]expand.Address{"worker": tt.replicas}}
		if got := fmt.Sprint(machines(scope)); got != tt.want {
			t.Errorf("%s: %s, want %s", name, got, tt.want)
		}
	}
}
