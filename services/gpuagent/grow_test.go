package gpuagent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// growing is a workload that begins with its first replica and grows to three, of a GPU
// each. Each writes a file with the address of the first, and ends once another file is
// there.
func growing(name, dir string) *gpuagentv1.Workload {
	w := shell(name, fmt.Sprintf(`echo "$FIRST" > %s.$KFMESH_REPLICA; while [ ! -e %s.go ]; do sleep 0.01; done`,
		filepath.Join(dir, name), filepath.Join(dir, name)))
	g := w.Spec.Groups[0]
	g.Name, g.Count, g.Independent = "worker", 3, true
	g.Template.Resources = &gpuagentv1.Resources{Gpus: 1}
	g.Template.Ports = []*gpuagentv1.Port{{Name: "meet"}}
	g.Template.Env = []*gpuagentv1.EnvVar{{Name: "FIRST", Value: "${replica.worker.0.host}:${replica.worker.0.port.meet}"}}
	w.Spec.GangMin = 1
	return w
}

// holder is a workload that holds GPUs of a node until a file is there.
func holder(name, dir, node string, gpus int32) *gpuagentv1.Workload {
	w := shell(name, fmt.Sprintf(`while [ ! -e %s.go ]; do sleep 0.01; done`, filepath.Join(dir, name)))
	w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: gpus}
	if node != "" {
		w.Spec.Groups[0].Template.NodeSelector = map[string]string{"on": node}
	}
	return w
}

func TestAWorkloadGrows(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "2xH100" }
	a := n.start()
	path := func(name string) string { return filepath.Join(n.dir, name) }
	a.submit(holder("other", n.dir, "", 1))
	a.submit(growing("grows", n.dir))
	first := strings.TrimSpace(awaitFile(t, path("grows.worker-0")))
	if r := a.get("grows").GetStatus().GetReplicas()[1]; r.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || r.GetMessage() == "" || r.GetNode() != "" {
		t.Errorf("one that is not placed is %v", r)
	}
	a.end()
	a = n.start() // which adopts it as it is
	touch(t, path("other.go"))
	if got := strings.TrimSpace(awaitFile(t, path("grows.worker-1"))); got != first {
		t.Errorf("the first is at %s, and one that joined is told %s", first, got)
	}
	a.end()
	a = n.start()
	touch(t, path("grows.go"))
	s := a.awaitEnd("grows")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 1 {
		t.Errorf("%v", s)
	}
	var ends []string
	for _, r := range s.GetReplicas() {
		ends = append(ends, strings.TrimSpace(r.GetPhase().String()+" "+r.GetReason()))
	}
	if got := strings.Join(ends, ", "); got != "PHASE_SUCCEEDED, PHASE_SUCCEEDED, PHASE_STOPPED NotPlaced" {
		t.Errorf("they ended as %s", got)
	}
	if w := a.submit(holder("both", n.dir, "", 2)); w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_STARTING {
		t.Errorf("what it held was not given back: %v", w.GetStatus())
	}
	touch(t, path("both.go"))
	a.awaitEnd("both")
}

// TestAWorkloadGrowsOverNodes has one grow on a node that runs part of it, and to another.
func TestAWorkloadGrowsOverNodes(t *testing.T) {
	c := newCluster(t)
	head := c.head.start()
	for i := 2; i <= 3; i++ {
		n := c.node(i)
		configure := n.configure
		n.configure = func(cfg *gpuagent.Config) {
			configure(cfg)
			cfg.FakeGPUs = fmt.Sprintf("%dxH100", 4-i)
		}
		n.start()
	}
	head.here("n1", "n2", "n3")
	dir := c.head.dir
	path := func(name string) string { return filepath.Join(dir, name) }
	head.submit(holder("here", dir, "n2", 1))
	head.submit(holder("there", dir, "n3", 1))
	head.submit(growing("grows", dir))
	first := strings.TrimSpace(awaitFile(t, path("grows.worker-0")))
	if !strings.HasPrefix(first, "127.0.0.2:") {
		t.Errorf("the first is at %s, where no other node reaches it", first)
	}
	touch(t, path("here.go"))
	one := strings.TrimSpace(awaitFile(t, path("grows.worker-1")))
	touch(t, path("there.go"))
	two := strings.TrimSpace(awaitFile(t, path("grows.worker-2")))
	if one != first || two != first {
		t.Errorf("the first is at %s, and those that joined are told %s and %s", first, one, two)
	}
	head.await("grows", func(s *gpuagentv1.WorkloadStatus) bool {
		for _, r := range s.GetReplicas() {
			if r.GetPhase() != gpuagentv1.Phase_PHASE_RUNNING {
				return false
			}
		}
		return true
	})
	head.end()
	head = c.head.start()
	touch(t, path("grows.go"))
	s := head.awaitEnd("grows")
	nodes := ""
	for _, r := range s.GetReplicas() {
		nodes += r.GetNode() + " "
	}
	if s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || nodes != "n2 n2 n3 " {
		t.Errorf("on %s: %v", nodes, s)
	}
}

// TestWhatIsReferredToIsOfTheGang has replicas be placed together whose addresses others
// are told.
func TestWhatIsReferredToIsOfTheGang(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "2xH100" }
	a := n.start()
	w := growing("all", n.dir)
	w.Spec.Groups[0].Template.Env[0].Value = "${replica.worker.2.host}"
	if s := a.submit(w).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(s.GetMessage(), "3 x 1") {
		t.Errorf("it is placed without the third: %v", s)
	}
	w = growing("dependent", n.dir)
	w.Spec.Groups[0].Independent = false
	if s := a.submit(w).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		t.Errorf("replicas that depend on each other are placed apart: %v", s)
	}
}
