package supervise

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/cgroup"
)

// grouped gives a spec a group with limits, which its script enters where it has to.
func grouped(t *testing.T, limits cgroup.Limits, script string) Spec {
	t.Helper()
	place := cgroup.Find("/")
	if len(place.Lacks) > 0 {
		t.Skipf("this machine does not let the test make control groups: %v", place.Lacks)
	}
	g, _ := place.Group(fmt.Sprintf("test-%d-%s", os.Getpid(), strings.ReplaceAll(t.Name(), "/", "-")), limits)
	t.Cleanup(func() {
		for _, dir := range g.Dirs {
			eventually(t, "the removal of "+dir, func() bool { return gone(dir) })
		}
	})
	if !g.Unified {
		for _, dir := range slices.Sorted(maps.Values(g.Dirs)) {
			script = fmt.Sprintf("echo $$ > %s/cgroup.procs; %s", dir, script)
		}
	}
	spec := shell(t, script)
	spec.Group = g
	return spec
}

func TestOutOfMemory(t *testing.T) {
	for name, script := range map[string]string{
		"the command":               "exec tail /dev/zero",
		"a part that is waited for": "tail /dev/zero; exit 1",
		"a part that is not":        "tail /dev/zero & exec sleep 60",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := grouped(t, cgroup.Limits{MemoryBytes: 32 << 20}, script)
			state, exit := wait(t, launch(t, spec))
			if state != Done || exit.Cause != OutOfMemory || exit.Code == 0 {
				t.Fatalf("%v, %+v", state, exit)
			}
			if m := exit.Memory; m == nil || m.LimitBytes != 32<<20 || m.PeakBytes < 31<<20 || m.Kills == 0 {
				t.Errorf("memory %+v", m)
			}
		})
	}
}

func TestWithinItsLimits(t *testing.T) {
	t.Parallel()
	spec := grouped(t, cgroup.Limits{MemoryBytes: 64 << 20, CPUMilli: 500, Processes: 50}, "exit 7")
	if state, exit := wait(t, launch(t, spec)); state != Done || exit.Cause != Ended || exit.Code != 7 || exit.Memory.Kills != 0 || exit.Memory.PeakBytes == 0 {
		t.Errorf("%v, %+v, %+v", state, exit, exit.Memory)
	}
}

func TestTooManyProcesses(t *testing.T) {
	t.Parallel()
	spec := grouped(t, cgroup.Limits{Processes: 5}, "for i in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait")
	if state, exit := wait(t, launch(t, spec)); state != Done || exit.Code == 0 || !strings.Contains(strings.ToLower(readLog(t, spec)), "fork") {
		t.Errorf("%v, %+v: %s", state, exit, readLog(t, spec))
	}
}

// stray leaves a process that nothing but its group tells of: it has a session and an
// environment of its own.
const stray = "setsid env -i /bin/sh -c 'echo $$; exec /bin/sleep 600' & sleep 0.2; "

func TestAGroupTellsWhoIsLeft(t *testing.T) {
	t.Parallel()
	// Another command runs beside it, to which the stray might belong.
	p := newPool(t)
	other := shell(t, "echo up; sleep 60")
	neighbour := launchIn(t, p, other)
	awaitLog(t, other)
	spec := grouped(t, cgroup.Limits{Processes: 50}, stray+"exit 0")
	if state, exit := wait(t, launchIn(t, p, spec)); state != Done || exit.Code != 0 {
		t.Errorf("%v, %+v", state, exit)
	}
	if pid := pidIn(t, spec.Log); alive(pid) {
		t.Errorf("process %d outlives its command", pid)
	}
	if err := neighbour.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	wait(t, neighbour)
}

func TestTheGroupOfALostCommand(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	spec := grouped(t, cgroup.Limits{Processes: 50}, stray+"sleep 600")
	e := launchIn(t, p, spec)
	awaitLog(t, spec)
	if err := syscall.Kill(supervisorOf(t, spec), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if state, _, err := Adopt(spec.Journal).Wait(t.Context()); state != Lost || err != nil {
		t.Errorf("%v, %v", state, err)
	}
	if pid := pidIn(t, spec.Log); alive(pid) {
		t.Errorf("process %d outlives its supervisor", pid)
	}
	wait(t, e)
}

// TestTheGroupOfACommandThatWasNotNoted has a supervisor go when its command runs, and the
// journal does not say so yet.
func TestTheGroupOfACommandThatWasNotNoted(t *testing.T) {
	t.Parallel()
	spec := grouped(t, cgroup.Limits{Processes: 50}, "")
	if err := spec.Group.Make(); err != nil {
		t.Fatal(err)
	}
	command := exec.Command("sleep", "600")
	command.Env = []string{} // nothing but its group tells of it
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = command.Wait() // it is killed
		close(ended)
	}()
	t.Cleanup(func() { _ = command.Process.Kill() })
	if err := spec.Group.Take(command.Process.Pid); err != nil {
		t.Fatal(err)
	}
	j, err := claim(spec.Journal, owner{PID: 1 << 30, BootID: boottime.ID()}, spec.Group)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.close(); err != nil {
		t.Fatal(err)
	}
	if state, _, err := Adopt(spec.Journal).Wait(t.Context()); state != Lost || err != nil {
		t.Errorf("%v, %v", state, err)
	}
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("the command outlives its supervisor")
	}
}

func TestAGroupThatCannotBeMade(t *testing.T) {
	t.Parallel()
	spec := shell(t, "echo ran")
	spec.Group = &cgroup.Group{Dirs: map[string]string{cgroup.Memory: filepath.Join(t.TempDir(), "none", "x")}}
	state, exit := wait(t, launch(t, spec))
	if state != Done || exit.Cause != Unstarted || !strings.Contains(exit.Message, "control group") || exit.Code != 126 {
		t.Errorf("%v, %+v", state, exit)
	}
}

// TestBornInAGroup is of version 2, which many machines of version 1 have too, though
// without controllers.
func TestBornInAGroup(t *testing.T) {
	t.Parallel()
	dir := "/sys/fs/cgroup"
	if _, err := os.Stat(dir + "/unified/cgroup.procs"); err == nil {
		dir += "/unified"
	}
	g := &cgroup.Group{Unified: true, Dirs: map[string]string{"": filepath.Join(dir, fmt.Sprintf("kfmesh.test-%d", os.Getpid()))}}
	if err := g.Make(); err != nil {
		t.Skipf("this machine does not let the test make control groups of version 2: %v", err)
	}
	spec := shell(t, stray+"cat /proc/self/cgroup")
	spec.Group = g
	if state, exit := wait(t, launch(t, spec)); state != Done || exit.Code != 0 || !strings.Contains(readLog(t, spec), "0::/"+filepath.Base(g.Dirs[""])) {
		t.Errorf("%v, %+v: %s", state, exit, readLog(t, spec))
	}
	if pid, err := strconv.Atoi(awaitLog(t, spec)); err != nil || alive(pid) {
		t.Errorf("process %d outlives its command: %v", pid, err)
	}
	eventually(t, "the removal of the group", func() bool { return gone(g.Dirs[""]) })
}

func gone(path string) bool {
	_, err := os.Stat(path)
	return os.IsNotExist(err)
}
