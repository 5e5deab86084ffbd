package gpuagent_test

import (
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// TestTaintsKeepWorkloadsOff taints a node by its agent's configuration and by command,
// over starts of its agent.
func TestTaintsKeepWorkloadsOff(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.NodeTaints = []string{"team=a:NoSchedule"} }
	a := n.start()
	a.here("n1")
	tolerant := func(name string, tolerations ...*gpuagentv1.Toleration) *gpuagentv1.Workload {
		w := shell(name, "true")
		w.Spec.Groups[0].Template.Tolerations = tolerations
		return w
	}
	team := &gpuagentv1.Toleration{Key: "team", Value: "a", Effect: "NoSchedule"}
	exists := &gpuagentv1.Toleration{Operator: gpuagentv1.TolerationOperator_TOLERATION_OPERATOR_EXISTS}
	waits := func(w *gpuagentv1.Workload, says string) {
		t.Helper()
		if s := a.submit(w).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(s.GetMessage(), says) {
			t.Errorf("want one that waits because it %s, got %v", says, s)
		}
	}
	waits(tolerant("none"), "without taint team=a")
	waits(tolerant("other-value", &gpuagentv1.Toleration{Key: "team", Value: "b"}), "without taint team=a")
	waits(tolerant("other-effect", &gpuagentv1.Toleration{Key: "team", Value: "a", Effect: "NoExecute"}), "without taint team=a")
	a.submit(tolerant("one", team))
	a.awaitEnd("one")

	add := &gpuagentv1.TaintNodeRequest{Name: "n1", Add: []*gpuagentv1.Taint{{Key: "fans", Effect: "NoSchedule"}}}
	node, err := a.nodes.TaintNode(t.Context(), add)
	if err != nil || len(node.GetStatus().GetTaints()) != 2 {
		t.Fatalf("%v, %v", node, err)
	}
	a.end()
	a = n.start()
	a.here("n1")
	waits(tolerant("two", team), "without taint fans,")
	a.submit(tolerant("all", exists))
	a.awaitEnd("all")
	remove := &gpuagentv1.TaintNodeRequest{Name: "n1", Remove: []*gpuagentv1.Taint{{Key: "fans"}}}
	if _, err := a.nodes.TaintNode(t.Context(), remove); err != nil {
		t.Fatal(err)
	}
	a.awaitEnd("two")
	if _, err := a.nodes.TaintNode(t.Context(), &gpuagentv1.TaintNodeRequest{Name: "n9", Add: add.GetAdd()}); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v of a node that is not there", err)
	}
	if _, err := a.nodes.TaintNode(t.Context(), &gpuagentv1.TaintNodeRequest{Name: "n1", Remove: []*gpuagentv1.Taint{{Key: "team"}}}); !fault.Is(err, fault.Precondition) {
		t.Errorf("error %v of a taint that is the agent's", err)
	}
}

// wants asks for GPUs, and to fail when there will not be as many.
func wants(name string, gpus int32) *gpuagentv1.Workload {
	w := shell(name, "true")
	w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: gpus}
	w.Spec.WhenUnsatisfiable = gpuagentv1.WhenUnsatisfiable_WHEN_UNSATISFIABLE_FAIL
	return w
}

func TestWhatIsUnsatisfiableFails(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "2xH100" }
	a := n.start()
	a.submit(holder("holder", n.dir, "", 2))
	a.submit(wants("three", 3))
	s := a.awaitEnd("three")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED || s.GetReason() != "Unsatisfiable" ||
		!strings.HasPrefix(s.GetMessage(), "asks for more than there is: it waits for a node with more GPUs") {
		t.Errorf("%v", s)
	}
	patient := wants("patient", 3)
	patient.Spec.WhenUnsatisfiable = gpuagentv1.WhenUnsatisfiable_WHEN_UNSATISFIABLE_UNSPECIFIED
	a.submit(patient)
	a.submit(wants("two", 2)) // for which there is room once the other has ended
	for _, name := range []string{"patient", "two"} {
		if s := a.get(name).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
			t.Errorf("%s is to wait, and is %v", name, s)
		}
	}
	touch(t, filepath.Join(n.dir, "holder.go"))
	if s := a.awaitEnd("two"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
}

// TestNodesMayComeBack has nothing fail for want of a node before it has had time to come
// back to a head that has just started.
func TestNodesMayComeBack(t *testing.T) {
	c := newCluster(t)
	configure := c.head.configure
	c.head.configure = func(cfg *gpuagent.Config) {
		configure(cfg)
		cfg.NodeLease = nodeLease
	}
	head := c.head.start()
	head.here("n1")
	if s := head.submit(wants("two", 2)).GetStatus(); s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		t.Fatalf("it did not wait: %v", s)
	}
	head.submit(wants("three", 3))
	n := c.node(2)
	configured := n.configure
	n.configure = func(cfg *gpuagent.Config) {
		configured(cfg)
		cfg.FakeGPUs = "2xH100"
	}
	n.start()
	if s := head.awaitEnd("two"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("%v", s)
	}
	if s := head.awaitEnd("three"); s.GetReason() != "Unsatisfiable" {
		t.Errorf("%v", s)
	}
}

// TestPriorityClasses has a workload of a class be placed before one that came earlier.
func TestPriorityClasses(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "1xH100" }
	a := n.start()
	high := &gpuagentv1.PriorityClass{Metadata: &metav1.ObjectMeta{Name: "high"}, Value: 100}
	if _, err := a.priorities.CreatePriorityClass(t.Context(), &gpuagentv1.CreatePriorityClassRequest{PriorityClass: high}); err != nil {
		t.Fatal(err)
	}
	a.submit(holder("holder", n.dir, "", 1))
	ask := func(name string, change func(*gpuagentv1.WorkloadSpec)) {
		w := wants(name, 1)
		change(w.Spec)
		a.submit(w)
	}
	ask("none", func(*gpuagentv1.WorkloadSpec) {})
	ask("unknown", func(s *gpuagentv1.WorkloadSpec) { s.PriorityClass = "low" })
	ask("class", func(s *gpuagentv1.WorkloadSpec) { s.PriorityClass = "high" })
	ask("own", func(s *gpuagentv1.WorkloadSpec) { s.PriorityClass, s.Priority = "high", 200 })
	jobs, err := a.queues.ListWaiting(t.Context(), &gpuagentv1.ListWaitingRequest{Name: "default"})
	order := ""
	for _, w := range jobs.GetWaiting() {
		order += w.GetName() + " "
	}
	if err != nil || order != "own class none unknown " {
		t.Errorf("they wait as %s(%v)", order, err)
	}
	if w := a.get("unknown"); len(w.GetStatus().GetWarnings()) != 1 || !strings.Contains(w.GetStatus().GetWarnings()[0], "no priority class low") {
		t.Errorf("%v", w.GetStatus().GetWarnings())
	}
	touch(t, filepath.Join(n.dir, "holder.go"))
	for _, name := range []string{"own", "class", "none", "unknown"} {
		a.awaitEnd(name)
	}
}
