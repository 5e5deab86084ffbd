package gpuagent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// devices gives the pretended GPUs of a node devices by name, of numbers that no driver
// has: who may open one hears that there is none (ENXIO), and who may not EPERM.
func devices(t *testing.T, n *node, names ...string) {
	t.Helper()
	dir := filepath.Join(n.dir, "agent", "fake-gpu-devices")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		if err := unix.Mknod(filepath.Join(dir, name), unix.S_IFCHR|0o666, int(unix.Mkdev(242, uint32(i)))); err != nil {
			t.Skipf("this machine does not let the test make devices: %v", err)
		}
	}
}

// opens is a script that writes down which devices it may open.
func opens(n *node, name string) string {
	return fmt.Sprintf(`cd %[1]s/agent/fake-gpu-devices; for d in *; do
		case "$(cat $d 2>&1)" in *"not permitted"*) ;; *) printf "$d " ;; esac; done > %[1]s/%[2]s.may`, n.dir, name)
}

// mayOpen is what such a script, which has ended, wrote down.
func mayOpen(t *testing.T, n *node, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(n.dir, name+".may"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func fencing(t *testing.T) {
	t.Helper()
	if p := cgroup.Find("/"); p.Fence.Dir == "" || os.Geteuid() != 0 {
		t.Skipf("this machine does not let the test, as user %d, make control groups that keep devices: %v", os.Geteuid(), p.Fence.Lacks)
	}
}

// TestGPUsAreKeptFromOthers has replicas open the devices of GPUs, of a node with whole
// ones and MIG devices: they may open their own, and who was given none may open none.
func TestGPUsAreKeptFromOthers(t *testing.T) {
	fencing(t)
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs = "2xH100,1xA100:mig-1g.10gb*2" }
	devices(t, n, "0", "1", "2", "2.1", "2.2")
	a := n.start()
	if s := a.node("n1").GetStatus(); !s.GetGpusFenced() || !strings.HasPrefix(s.GetGpuFenceMessage(), "control groups of version ") {
		t.Errorf("the node says %v, %q", s.GetGpusFenced(), s.GetGpuFenceMessage())
	}
	for name, tt := range map[string]struct {
		gpus  int32
		model string
		may   string
	}{
		"none": {0, "", ""},
		"all":  {2, "h100", "0 1"},
		"mig":  {2, "mig-1g.10gb", "2 2.1 2.2"},
	} {
		w := shell(name, opens(n, name))
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: tt.gpus, GpuModel: tt.model}
		w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{{Name: "CUDA_VISIBLE_DEVICES", Value: "0,1,2"}}
		a.submit(w)
		s := a.awaitEnd(name)
		if got := mayOpen(t, n, name); got != tt.may {
			t.Errorf("%s may open %q, want %q", name, got, tt.may)
		}
		if all := strings.Join(s.GetWarnings(), " "); !strings.Contains(all, "it sets CUDA_VISIBLE_DEVICES itself, and was given "+map[int32]string{0: "no GPUs", 2: "2 GPUs"}[tt.gpus]) {
			t.Errorf("%s warns %q", name, all)
		}
	}
	one := shell("one", "("+until(n.dir, "one", 0)+"); "+opens(n, "one"))
	one.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 1, GpuModel: "mig-1g.10gb"}
	a.submit(one)
	awaitFile(t, filepath.Join(n.dir, "one.ran"))
	a.end() // what keeps it from the others outlives the agent
	a = n.start()
	touch(t, filepath.Join(n.dir, "one.go"))
	if s := a.awaitEnd("one"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
	if got := mayOpen(t, n, "one"); got != "2 2.1" {
		t.Errorf("one of two MIG devices may open %q", got)
	}
}

// TestGPUsThatAreNotKept says so, and why: where limits are off, and where the devices are
// not known. A node without GPUs has no fence and nothing to say.
func TestGPUsThatAreNotKept(t *testing.T) {
	for want, configure := range map[string]func(*gpuagent.Config){
		"replicas are told which are theirs, and not kept from the others: limits are off on this node": func(c *gpuagent.Config) { c.FakeGPUs, c.Limits = "1xH100", "off" },
		"replicas are told which are theirs, and not kept from the others: their devices are not known": func(c *gpuagent.Config) { c.FakeGPUs = "1xT4" },
		"": func(*gpuagent.Config) {},
	} {
		t.Run(want, func(t *testing.T) {
			n := newNode(t)
			n.configure = configure
			if strings.HasSuffix(want, "off on this node") {
				devices(t, n, "0")
			}
			s := n.start().node("n1").GetStatus()
			if s.GetGpusFenced() || s.GetGpuFenceMessage() != want {
				t.Errorf("the node says %v, %q", s.GetGpusFenced(), s.GetGpuFenceMessage())
			}
		})
	}
}

// TestNoGroupsWithoutGPUs: a node without GPUs makes no control groups for what is not
// limited.
func TestNoGroupsWithoutGPUs(t *testing.T) {
	n := newNode(t)
	a := n.start()
	a.submit(shell("free", "cat /proc/self/cgroup > "+n.dir+"/groups"))
	a.awaitEnd("free")
	if in := awaitFile(t, n.dir+"/groups"); strings.Contains(in, "/kfmesh.") {
		t.Errorf("it is in %s", in)
	}
}
