package gpuagent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// scaling is a workload of independent replicas of a GPU each that tell each other by the first
// where they are. Each adds its process to a file of its own, and ends once another is there.
func scaling(name, dir string, count int32) *gpuagentv1.Workload {
	w := growing(name, dir)
	g := w.Spec.Groups[0]
	g.Count, w.Spec.Disruptible = count, true
	g.Template.Command = []string{"sh", "-c", fmt.Sprintf(`echo "$$ $FIRST" >> %[1]s.$KFMESH_REPLICA; echo "I am $$"; while [ ! -e %[1]s.go ]; do sleep 0.01; done`,
		filepath.Join(dir, name))}
	return w
}

// scale gives a workload another number of workers.
func (a *agent) scale(name string, count int32) *gpuagentv1.Workload {
	a.t.Helper()
	w, err := a.ScaleWorkload(a.t.Context(), &gpuagentv1.ScaleWorkloadRequest{Name: name, Group: "worker", Count: count})
	if err != nil {
		a.t.Fatal(err)
	}
	return w
}

// awaitRunning waits until a workload has so many replicas, all of which run.
func (a *agent) awaitRunning(name string, count int) []*gpuagentv1.ReplicaStatus {
	a.t.Helper()
	return a.await(name, func(s *gpuagentv1.WorkloadStatus) bool {
		for _, r := range s.GetReplicas() {
			if r.GetPhase() != gpuagentv1.Phase_PHASE_RUNNING || r.GetPid() == 0 {
				return false
			}
		}
		return len(s.GetReplicas()) == count
	}).GetStatus().GetReplicas()
}

// ranAs are the processes that a replica was, in order.
func ranAs(t *testing.T, dir, name, replica string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name+"."+replica))
	if err != nil {
		t.Fatal(err)
	}
	var pids []string
	for line := range strings.Lines(string(text)) {
		pids = append(pids, strings.Fields(line)[0])
	}
	return pids
}

func TestAWorkloadScales(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "3xH100" }
	a := n.start()
	a.submit(scaling("s", n.dir, 2))
	first := a.awaitRunning("s", 2)
	a.submit(holder("other", n.dir, "", 1))

	a.scale("s", 3)
	says := a.await("s", func(s *gpuagentv1.WorkloadStatus) bool {
		return len(s.GetReplicas()) == 3 && strings.Contains(s.GetReplicas()[2].GetMessage(), "GPU")
	}).GetStatus()
	if r := says.GetReplicas()[2]; r.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || says.GetPhase() != gpuagentv1.Phase_PHASE_RUNNING {
		t.Errorf("what there is no room for: %v", says)
	}
	touch(t, filepath.Join(n.dir, "other.go"))
	a.awaitRunning("s", 3)

	a.scale("s", 1)
	a.end() // before they have ended, or after
	a = n.start()
	a.awaitRunning("s", 1)
	if log := a.logOf("s", "worker"); !strings.Contains(log, "I am "+ranAs(t, n.dir, "s", "worker-0")[0]) {
		t.Errorf("its log is %q", log)
	}
	a.submit(holder("two", n.dir, "", 2)) // what they held is to be had
	a.await("two", inPhase(gpuagentv1.Phase_PHASE_RUNNING))
	touch(t, filepath.Join(n.dir, "two.go"))
	a.awaitEnd("two")

	a.scale("s", 3)
	last := a.awaitRunning("s", 3)
	if last[0].GetPid() != first[0].GetPid() || last[0].GetRestarts() != 0 || last[2].GetRestarts() != 0 {
		t.Errorf("the first was process %d and is %d: %v", first[0].GetPid(), last[0].GetPid(), last)
	}
	for replica, runs := range map[string]int{"worker-0": 1, "worker-1": 2, "worker-2": 2} {
		if pids := ranAs(t, n.dir, "s", replica); len(pids) != runs {
			t.Errorf("%s ran as %v, want %d runs", replica, pids, runs)
		}
	}
	eventually(t, "one log of both runs", func() bool {
		pids, log := ranAs(t, n.dir, "s", "worker-2"), a.replicaLog("s", "worker", 2)
		return log == fmt.Sprintf("I am %s\nI am %s\n", pids[0], pids[1])
	})
	touch(t, filepath.Join(n.dir, "s.go"))
	if s := a.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != 1 || len(s.GetReplicas()) != 3 {
		t.Errorf("%v", s)
	}
}

// TestAScaledWorkloadThatWaits is another by the time it is placed.
func TestAScaledWorkloadThatWaits(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "2xH100" }
	a := n.start()
	a.submit(holder("other", n.dir, "", 1))
	w := scaling("s", n.dir, 3)
	w.Spec.GangMin = 2
	a.submit(w)
	if w := a.scale("s", 1); len(w.GetStatus().GetReplicas()) != 1 {
		t.Errorf("%v", w.GetStatus())
	}
	a.awaitRunning("s", 1)
	touch(t, filepath.Join(n.dir, "s.go"))
	if s := a.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
	touch(t, filepath.Join(n.dir, "other.go"))
	a.awaitEnd("other")
}

func TestWhatCannotBeScaled(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "4xH100" }
	a := n.start()
	a.submit(scaling("s", n.dir, 3))
	w := scaling("told", n.dir, 1)
	w.Spec.Groups = append([]*gpuagentv1.ReplicaGroup{{Name: "lead", Template: w.Spec.Groups[0].Template}}, w.Spec.Groups...)
	w.Spec.Groups[1].Independent = false
	w.Spec.GangMin = 0
	a.submit(w)
	for name, try := range map[string]struct {
		request *gpuagentv1.ScaleWorkloadRequest
		kind    fault.Kind
		says    string
	}{
		"nobody":      {&gpuagentv1.ScaleWorkloadRequest{Name: "nobody", Group: "worker", Count: 1}, fault.NotFound, "no workload"},
		"no group":    {&gpuagentv1.ScaleWorkloadRequest{Name: "s", Group: "ps", Count: 1}, fault.Invalid, `only the last group of a workload can be scaled, here "worker"`},
		"not by them": {&gpuagentv1.ScaleWorkloadRequest{Name: "told", Group: "worker", Count: 2}, fault.Invalid, "depend on one another"},
		"was changed": {&gpuagentv1.ScaleWorkloadRequest{Name: "s", Group: "worker", Count: 2, ResourceVersion: 1}, fault.Conflict, "has changed"},
		"deposed": {&gpuagentv1.ScaleWorkloadRequest{
			Name: "s", Group: "worker", Count: 2, Fence: &gpuagentv1.Fence{Election: "training", Token: 7},
		}, fault.Conflict, "no longer leads"},
	} {
		_, err := a.ScaleWorkload(t.Context(), try.request)
		if !fault.Is(err, try.kind) || !strings.Contains(err.Error(), try.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := len(a.get("s").GetStatus().GetReplicas()); got != 3 {
		t.Errorf("it has %d replicas", got)
	}
	touch(t, filepath.Join(n.dir, "s.go"))
	a.awaitEnd("s")
	if _, err := a.ScaleWorkload(t.Context(), &gpuagentv1.ScaleWorkloadRequest{Name: "s", Group: "worker", Count: 2}); !fault.Is(err, fault.Precondition) {
		t.Errorf("one that has ended: %v", err)
	}
	touch(t, filepath.Join(n.dir, "told.go"))
	a.awaitEnd("told")
}

// TestAWorkloadScalesOverNodes adds and removes replicas on nodes that run part of it and on
// others, while the head starts anew.
func TestAWorkloadScalesOverNodes(t *testing.T) {
	c, head := withGPUs(t, 2, 3)
	dir := c.head.dir
	head.submit(scaling("s", dir, 2))
	first := head.awaitRunning("s", 2)
	head.scale("s", 4)
	four := head.awaitRunning("s", 4)
	nodes := map[string]bool{}
	for _, r := range four {
		nodes[r.GetNode()] = true
	}
	if len(nodes) != 2 {
		t.Fatalf("it is on %v", nodes)
	}
	head.scale("s", 1)
	head.end()
	head = c.head.start()
	head.awaitRunning("s", 1)
	head.scale("s", 4)
	last := head.awaitRunning("s", 4)
	if last[0].GetPid() != first[0].GetPid() {
		t.Errorf("the first ran as %v", ranAs(t, dir, "s", "worker-0"))
	}
	for replica, runs := range map[string]int{"worker-0": 1, "worker-1": 2, "worker-2": 2, "worker-3": 2} {
		if pids := ranAs(t, dir, "s", replica); len(pids) != runs {
			t.Errorf("%s ran as %v, want %d runs", replica, pids, runs)
		}
	}
	touchFile(t, filepath.Join(dir, "s.go"))
	if s := head.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
	if _, err := head.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "s"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "nothing is left of it", func() bool {
		return len(keys(t, c.head.store, "/kfmesh/gpuagent/orders/"))+len(keys(t, c.head.store, "/kfmesh/gpuagent/reports/")) == 0
	})
}

// withGPUs is a cluster whose head has no GPUs, and some nodes two each.
func withGPUs(t *testing.T, nodes ...int) (*cluster, *agent) {
	t.Helper()
	c := newCluster(t)
	head := c.head.start()
	names := []string{"n1"}
	for _, i := range nodes {
		n := c.node(i)
		n.gpus(2)
		n.start()
		names = append(names, n.name)
	}
	head.here(names...)
	return c, head
}

// gpus gives a node so many GPUs.
func (j *joined) gpus(count int) {
	configure := j.configure
	j.configure = func(cfg *gpuagent.Config) {
		configure(cfg)
		cfg.FakeGPUs = fmt.Sprintf("%dxH100", count)
	}
}

// TestALostNodeOfAWorkloadThatScales costs only what ran there, as long as enough is left; it
// is placed again, once nothing of it can run there any more. A node that comes back is given
// replicas again.
func TestALostNodeOfAWorkloadThatScales(t *testing.T) {
	for name, try := range map[string]struct {
		lost  string
		epoch int64
	}{"others run on": {"n3", 1}, "the one that others refer to is lost": {"n2", 2}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			head := c.head.start()
			second, third, fourth := c.node(2), c.node(3), c.node(4)
			second.gpus(1)
			third.gpus(2)
			fourth.gpus(2)
			second.start()
			head.here("n1", "n2")
			dir := c.head.dir
			head.submit(scaling("s", dir, 1))
			first := head.awaitRunning("s", 1)
			third.start()
			head.here("n1", "n2", "n3")
			head.scale("s", 3)
			head.awaitRunning("s", 3)
			fourth.start()
			head.here("n1", "n2", "n3", "n4")

			lost := map[string]*joined{"n2": second, "n3": third}[try.lost]
			lost.line.cut()
			s := head.await("s", func(s *gpuagentv1.WorkloadStatus) bool {
				for _, r := range s.GetReplicas() {
					if r.GetPhase() != gpuagentv1.Phase_PHASE_RUNNING || r.GetPid() == 0 || r.GetNode() == try.lost {
						return false
					}
				}
				return true
			}).GetStatus()
			for _, replica := range []string{"worker-1", "worker-2"} {
				if old := ranAs(t, dir, "s", replica)[0]; running(number(t, old)) {
					t.Errorf("%s still runs where it did, as process %s", replica, old)
				}
			}
			if s.GetEpoch() != try.epoch {
				t.Errorf("it is in epoch %d, want %d: %v", s.GetEpoch(), try.epoch, s)
			}
			if same := s.GetReplicas()[0].GetPid() == first[0].GetPid(); same != (try.epoch == 1) {
				t.Errorf("the first ran as %v", ranAs(t, dir, "s", "worker-0"))
			}
			lost.line.mend()
			head.here("n1", "n2", "n3", "n4")
			head.scale("s", 5)
			head.awaitRunning("s", 5)
			touchFile(t, filepath.Join(dir, "s.go"))
			if s := head.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetEpoch() != try.epoch {
				t.Errorf("%v", s)
			}
		})
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
