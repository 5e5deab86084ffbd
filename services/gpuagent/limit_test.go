package gpuagent_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// limited is a workload with limits.
func limited(name, script string) *gpuagentv1.Workload {
	w := shell(name, script)
	w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{CpuLimitMilli: 500, MemoryLimitBytes: 48 << 20}
	return w
}

// place is where the test may make control groups.
func place(t *testing.T) cgroup.Place {
	t.Helper()
	p := cgroup.Find("/")
	if len(p.Lacks) > 0 {
		t.Skipf("this machine does not let the test make control groups: %v", p.Lacks)
	}
	return p
}

// groups are the control groups of a workload.
func groups(t *testing.T, p cgroup.Place, w *gpuagentv1.Workload) []string {
	t.Helper()
	var found []string
	for _, dir := range p.Dirs {
		at, err := filepath.Glob(filepath.Join(dir, "kfmesh."+w.GetMetadata().GetUid()+".*"))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, at...)
	}
	return found
}

func awaitNoGroups(t *testing.T, p cgroup.Place, of ...*gpuagentv1.Workload) {
	t.Helper()
	for _, w := range of {
		eventually(t, "the removal of the groups of "+w.GetMetadata().GetName(), func() bool { return len(groups(t, p, w)) == 0 })
	}
}

func TestLimitsAreEnforced(t *testing.T) {
	p := place(t)
	a := newNode(t).start()
	if s := a.node("n1").GetStatus(); !slices.Equal(s.GetEnforcedLimits(), []string{"CPU", "memory", "processes"}) {
		t.Errorf("the node says %v, %q", s.GetEnforcedLimits(), s.GetLimitsMessage())
	}
	hog := a.submit(limited("hog", "tail /dev/zero"))
	s := a.awaitEnd("hog")
	if s.GetReason() != "OOMKilled" || s.GetReplicas()[0].GetExitCode() != 137 || s.GetMessage() != "killed because it used more memory than its limit of 48 MiB (peak 48 MiB)" {
		t.Errorf("status %v", s)
	}
	ok := a.submit(limited("ok", "true"))
	if s := a.awaitEnd("ok"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || len(s.GetWarnings()) > 0 {
		t.Errorf("status %v", s)
	}
	awaitNoGroups(t, p, hog, ok)
}

// TestLimitsOutliveTheirAgent kills what a limited command stands on, one after the
// other.
func TestLimitsOutliveTheirAgent(t *testing.T) {
	p, n, dir := place(t), newNode(t), t.TempDir()
	first := n.start()
	adopted := first.submit(limited("adopted", "cat /proc/self/cgroup > "+dir+"/groups; "+until(dir, "adopted", 0)+"; exec tail /dev/zero"))
	lost := first.submit(limited("lost", until(dir, "lost", 0)))
	awaitFile(t, dir+"/adopted.ran")
	awaitFile(t, dir+"/lost.ran")
	if in := awaitFile(t, dir+"/groups"); !strings.Contains(in, "/kfmesh.") {
		t.Errorf("it is in %s", in)
	}
	first.end()
	second := n.start()
	if len(groups(t, p, adopted)) == 0 {
		t.Error("its group ended with the agent")
	}
	touch(t, dir+"/adopted.go")
	if s := second.awaitEnd("adopted"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
		t.Errorf("status %v", s)
	}
	awaitNoGroups(t, p, adopted) // its supervisor removes it, and is killed next
	pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, dir+"/lost.ran")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(parentOf(t, pid), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if s := second.awaitEnd("lost"); s.GetReason() != "SupervisorLost" {
		t.Errorf("status %v", s)
	}
	awaitNoGroups(t, p, lost)
}

func TestLimitsThatAreOff(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.Limits = "off" }
	a := n.start()
	a.submit(limited("free", "true"))
	want := "limits of CPU, memory are not enforced: limits are off on this node"
	if s := a.awaitEnd("free"); !slices.Equal(s.GetWarnings(), []string{want}) {
		t.Errorf("warnings %q", s.GetWarnings())
	}
	if s := a.node("n1").GetStatus(); len(s.GetEnforcedLimits()) > 0 || !strings.Contains(s.GetLimitsMessage(), "limits are off") {
		t.Errorf("the node says %v, %q", s.GetEnforcedLimits(), s.GetLimitsMessage())
	}
}

func TestProcessesAreLimited(t *testing.T) {
	place(t)
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.MaxProcesses = 6 }
	a := n.start()
	a.submit(shell("fork", "for i in 1 2 3 4 5 6 7 8 9; do sleep 30 & done; wait"))
	if s := a.awaitEnd("fork"); s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED {
		t.Errorf("status %v", s)
	}
}

// node is a node that is there.
func (a *agent) node(name string) *gpuagentv1.Node {
	a.t.Helper()
	a.here(name)
	n, err := a.nodes.GetNode(a.t.Context(), &gpuagentv1.GetNodeRequest{Name: name})
	if err != nil {
		a.t.Fatal(err)
	}
	return n
}
