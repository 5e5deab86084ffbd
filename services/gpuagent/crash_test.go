package gpuagent_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// until returns a script that tells its process id, waits for a file, and ends.
func until(dir, name string, status int) string {
	return fmt.Sprintf("echo $$ >> %[1]s/%[2]s.ran; while ! [ -e %[1]s/%[2]s.go ]; do sleep 0.01; done; exit %[3]d", dir, name, status)
}

func touch(t interface{ Fatal(...any) }, path string) {
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestANewAgentAdoptsWhatRuns(t *testing.T) {
	n, dir := newNode(t), t.TempDir()
	first := n.start()
	first.submit(shell("during", until(dir, "during", 5)))
	first.submit(shell("after", until(dir, "after", 6)))
	awaitFile(t, dir+"/during.ran")
	awaitFile(t, dir+"/after.ran")
	first.end()
	touch(t, dir+"/during.go")
	eventually(t, "the end of a command without an agent", func() bool {
		pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, dir+"/during.ran")))
		return err == nil && syscall.Kill(pid, 0) != nil
	})
	second := n.start()
	if s := second.awaitEnd("during"); s.GetReplicas()[0].GetExitCode() != 5 || s.GetReplicas()[0].GetRestarts() != 0 {
		t.Errorf("status %v", s)
	}
	touch(t, dir+"/after.go")
	if s := second.awaitEnd("after"); s.GetReplicas()[0].GetExitCode() != 6 {
		t.Errorf("status %v", s)
	}
	for _, name := range []string{"during", "after"} {
		if ran := strings.Fields(awaitFile(t, dir+"/"+name+".ran")); len(ran) != 1 {
			t.Errorf("%s ran %d times", name, len(ran))
		}
	}
}

func TestAStopOutlivesItsAgent(t *testing.T) {
	n, dir := newNode(t), t.TempDir()
	first := n.start()
	first.submit(shell("s", "trap '' TERM; "+until(dir, "s", 0)))
	awaitFile(t, dir+"/s.ran")
	if _, err := first.StopWorkload(t.Context(), &gpuagentv1.StopWorkloadRequest{Name: "s", Message: "why not"}); err != nil {
		t.Fatal(err)
	}
	first.end()
	second := n.start()
	if s := second.awaitEnd("s"); s.GetPhase() != gpuagentv1.Phase_PHASE_STOPPED || s.GetMessage() != "why not" || s.GetReplicas()[0].GetExitCode() != 137 {
		t.Errorf("status %v", s)
	}
}

func TestADeletionOutlivesItsAgent(t *testing.T) {
	n, dir := newNode(t), t.TempDir()
	first := n.start()
	first.submit(shell("d", until(dir, "d", 0)))
	pid, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, dir+"/d.ran")))
	if err != nil {
		t.Fatal(err)
	}
	first.end()
	if err := commitDelete(t, n.store, "/kfmesh/gpuagent/workloads/default/d"); err != nil {
		t.Fatal(err)
	}
	n.start()
	eventually(t, "the orphan's end", func() bool { return syscall.Kill(pid, 0) != nil })
	eventually(t, "its directory removed", func() bool {
		left, err := filepath.Glob(filepath.Join(n.dir, "agent/workloads/*"))
		return err == nil && len(left) == 0
	})
}

func TestALostSupervisorIsAFailure(t *testing.T) {
	n, dir := newNode(t), t.TempDir()
	a := n.start()
	a.submit(shell("l", "sleep 300 & echo $! >> "+dir+"/child; "+until(dir, "l", 0)))
	command, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, dir+"/l.ran")))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(parentOf(t, command), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s := a.awaitEnd("l")
	if s.GetPhase() != gpuagentv1.Phase_PHASE_FAILED || s.GetReason() != "SupervisorLost" {
		t.Errorf("status %v", s)
	}
	child, err := strconv.Atoi(strings.TrimSpace(awaitFile(t, dir+"/child")))
	if err != nil {
		t.Fatal(err)
	}
	for _, pid := range []int{command, child} {
		if running(pid) {
			t.Errorf("process %d runs on", pid)
		}
	}
}

func parentOf(t *testing.T, pid int) int {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	parent, err := strconv.Atoi(strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))[1])
	if err != nil {
		t.Fatal(err)
	}
	return parent
}

func running(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(data), ") Z ")
}

// unreliable is a store whose writes fail at times: before they are made, or
// after, so that only the answer is lost.
type unreliable struct {
	store.Backend
	fails func() int // 0: not; 1: before; 2: after
}

func (u *unreliable) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	how := u.fails()
	if how == 1 {
		return 0, fault.Unavailablef("the store is away")
	}
	revision, err := u.Backend.Commit(ctx, ops...)
	if how == 2 && err == nil {
		return 0, fault.Unavailablef("the answer was lost")
	}
	return revision, err
}

// TestExactlyOnce submits workloads to agents that end and begin at random, over
// a store that fails at random. Whatever happens, a command runs once, its true
// end is reported, and no workload is lost.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n, dir := newNode(t), t.TempDir()
		failures := rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 1, 2}), 0, 12).Draw(rt, "failures")
		calls := make(chan int, len(failures))
		for _, f := range failures {
			calls <- f
		}
		n.store = &unreliable{Backend: n.store, fails: func() int {
			select {
			case f := <-calls:
				return f
			default:
				return 0
			}
		}}
		a := n.start()
		accepted := map[string]int{}
		for i, step := range rapid.SliceOfN(rapid.IntRange(0, 30), 1, 6).Draw(rt, "steps") {
			name, status := fmt.Sprint("w", i), step%4
			w := shell(name, fmt.Sprintf("echo x >> %s/%s; sleep 0.0%d; exit %d", dir, name, step%3, status))
			if _, err := a.SubmitWorkload(t.Context(), &gpuagentv1.SubmitWorkloadRequest{Workload: w}); err == nil {
				accepted[name] = status
			} else if fault.Is(err, fault.AlreadyExists) { // the client's own repetition found it
				accepted[name] = status
			}
			if step%2 == 0 { // sometimes at once, sometimes in the middle of it
				<-time.After(time.Duration(step%5) * time.Millisecond)
				a.end()
				a = n.start()
			}
		}
		for name, status := range accepted {
			s := a.awaitEnd(name)
			if got := s.GetReplicas()[0].GetExitCode(); int(got) != status {
				rt.Fatalf("%s ended with %v, want exit status %d", name, s, status)
			}
			if ran := awaitFile(t, dir+"/"+name); ran != "x\n" {
				rt.Fatalf("%s ran %q", name, ran)
			}
		}
		a.end()
		entries, err := os.ReadDir(dir)
		if err != nil {
			rt.Fatal(err)
		}
		for _, entry := range entries { // what was refused may have run, but not twice
			if ran := awaitFile(t, filepath.Join(dir, entry.Name())); ran != "x\n" {
				rt.Fatalf("%s ran %q", entry.Name(), ran)
			}
		}
	})
}

func commitDelete(t *testing.T, b store.Backend, key string) error {
	t.Helper()
	_, err := b.Commit(t.Context(), store.Op{Key: key, Delete: true, Expect: store.AnyRevision})
	return err
}
