package gpuagent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

func TestGPUsAreNotShared(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs = "2xH100" }
	a := n.start()
	path := func(name string) string { return filepath.Join(n.dir, name) }
	script := `echo "sees:$CUDA_VISIBLE_DEVICES" > %s; while [ ! -e %s.go ]; do sleep 0.01; done`
	submit := func(name string, gpus int32) {
		w := shell(name, fmt.Sprintf(script, path(name), path(name)))
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: gpus, GpuModel: "nvidia-h100"}
		a.submit(w)
	}
	submit("one", 1)
	submit("two", 1)
	seen := map[string]bool{}
	for _, name := range []string{"one", "two"} {
		seen[strings.TrimSpace(awaitFile(t, path(name)))] = true
	}
	if !seen["sees:GPU-fake-n1-0"] || !seen["sees:GPU-fake-n1-1"] {
		t.Errorf("two workloads of one GPU each see %v", seen)
	}
	submit("none", 0)
	if got := strings.TrimSpace(awaitFile(t, path("none"))); got != "sees:" {
		t.Errorf("one that was given none %s", got)
	}
	submit("three", 2)
	if says := a.get("three").GetStatus().GetMessage(); !strings.Contains(says, "waits for GPUs") {
		t.Errorf("one for which none is left says %q", says)
	}
	for _, name := range []string{"one", "two", "three", "none"} {
		touch(t, path(name)+".go")
	}
	if got := strings.TrimSpace(awaitFile(t, path("three"))); got != "sees:GPU-fake-n1-0,GPU-fake-n1-1" {
		t.Errorf("one that had to wait %s", got)
	}
	for _, name := range []string{"one", "two", "three", "none"} {
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: %v", name, s)
		}
	}
}
