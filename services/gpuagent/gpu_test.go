package gpuagent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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
	if held := a.holders("n1"); !slices.Equal(held, []string{"default/one/main-0", "default/two/main-0"}) {
		t.Errorf("the GPUs are of %q", held)
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

// TestPartsOfGPUs has MIG devices and shares be given to who asks for them, and whole GPUs
// to nobody else.
func TestPartsOfGPUs(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs, c.GPUShares = "1xA100:mig-1g.10gb*2,2xT4", "T4=2" }
	a := n.start()
	path := func(name string) string { return filepath.Join(n.dir, name) }
	for name, want := range map[string]struct {
		gpus  int32
		model string
		sees  string // empty: it waits
	}{
		"mig":   {1, "mig-1g.10gb", "MIG-fake-n1-0-1"},
		"share": {2, "t4-shared", "GPU-fake-n1-1"},
		"other": {1, "mig-2g.20gb", ""},
		"whole": {1, "", ""},
		"t4":    {1, "t4", ""},
	} {
		w := shell(name, fmt.Sprintf(`echo "$CUDA_VISIBLE_DEVICES" > %s`, path(name)))
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: want.gpus, GpuModel: want.model}
		w = a.submit(w)
		if want.sees == "" {
			if w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(w.GetStatus().GetMessage(), "waits for") {
				t.Errorf("%s: %v", name, w.GetStatus())
			}
			continue
		}
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: %v", name, s)
		}
		if got := strings.TrimSpace(awaitFile(t, path(name))); got != want.sees {
			t.Errorf("%s sees %q, want %q", name, got, want.sees)
		}
	}
}

// TestGPUsOfBothVendors gives who names a vendor its GPUs, with its variables, and hides the
// other's.
func TestGPUsOfBothVendors(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs = "1xT4,1xMI300" }
	a := n.start()
	for name, want := range map[string]struct {
		model, sees string
	}{
		"nvidia": {"nvidia", "GPU-fake-n1-0|||"},
		"amd":    {"amd", "|GPU-fake-n1-1|0|"},
		"intel":  {"intel", ""},
	} {
		w := shell(name, `echo "$CUDA_VISIBLE_DEVICES|$ROCR_VISIBLE_DEVICES|$HIP_VISIBLE_DEVICES|" > `+filepath.Join(n.dir, name))
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 1, GpuModel: want.model}
		w = a.submit(w)
		if want.sees == "" {
			if got, wait := w.GetStatus().GetMessage(), "waits for a node with more GPUs of model intel: "; !strings.HasPrefix(got, wait) {
				t.Errorf("%s: %q, want %q", name, got, wait)
			}
			continue
		}
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: %v", name, s)
		}
		if got := strings.TrimSpace(awaitFile(t, filepath.Join(n.dir, name))); got != want.sees {
			t.Errorf("%s sees %q, want %q", name, got, want.sees)
		}
	}
}

// TestAGPUThatFails leaves the pool, over starts of its agent, until people say that it is
// well, and again at its next failure.
func TestAGPUThatFails(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs = "2xH100" }
	a := n.start()
	a.here("n1")
	problem := func() string { return a.node("n1").GetStatus().GetGpus()[1].GetProblem() }
	fails := func(xid int) {
		t.Helper()
		before := problem()
		eventually(t, "a failure that shows", func() bool { // it may not have listened yet
			f, err := os.OpenFile(filepath.Join(n.dir, "agent", "fake-gpu-events"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprintf(f, "1 %d\n", xid); err != nil || f.Close() != nil {
				t.Fatal(err)
			}
			<-time.After(300 * time.Millisecond)
			return problem() != before
		})
	}
	victim := holder("victim", n.dir, "", 2)
	a.submit(victim)
	a.await("victim", func(s *gpuagentv1.WorkloadStatus) bool { return s.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING })
	fails(79)
	a.await("victim", func(s *gpuagentv1.WorkloadStatus) bool {
		return strings.Contains(strings.Join(s.GetWarnings(), " "), "GPU GPU-fake-n1-1 of node n1, which main-0 has, is not well: XID 79 at ")
	})
	touch(t, filepath.Join(n.dir, "victim.go"))
	a.awaitEnd("victim")
	if got := problem(); !strings.HasPrefix(got, "XID 79 at ") {
		t.Errorf("the problem is %q", got)
	}
	a.end()
	a = n.start()
	eventually(t, "the problem of before", func() bool { a.here("n1"); return strings.HasPrefix(problem(), "XID 79 at ") })
	two := shell("two", "true")
	two.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 2}
	if w := a.submit(two); w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		t.Errorf("one that has failed is given out: %v", w.GetStatus())
	}
	well := &gpuagentv1.WithdrawGpuRequest{Name: "n1", Uuid: "GPU-fake-n1-1", Undo: true}
	if _, err := a.nodes.WithdrawGpu(t.Context(), well); err != nil || problem() != "" {
		t.Errorf("%v; the problem is %q", err, problem())
	}
	a.awaitEnd("two")
	fails(48)
	if got := problem(); !strings.HasPrefix(got, "XID 48 at ") {
		t.Errorf("the next problem is %q", got)
	}
}

// holders are who has the GPUs of a node, sorted.
func (a *agent) holders(node string) []string {
	a.t.Helper()
	n, err := a.nodes.GetNode(a.t.Context(), &gpuagentv1.GetNodeRequest{Name: node})
	if err != nil {
		a.t.Fatal(err)
	}
	var all []string
	for _, gpu := range n.GetStatus().GetGpus() {
		all = append(all, gpu.GetHolder())
	}
	slices.Sort(all)
	return all
}
