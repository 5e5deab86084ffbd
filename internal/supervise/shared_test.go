package supervise

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// daemon is a script that leaves behind a process in a session of its own, writes
// its id into a file, and goes on with what follows.
func daemon(prefix, file string) string {
	return fmt.Sprintf("(%s setsid sh -c 'echo $$ > %s; exec sleep 300' &); while ! [ -s %[2]s ]; do sleep 0.01; done; ", prefix, file)
}

func pidIn(t *testing.T, path string) int {
	t.Helper()
	var pid int
	eventually(t, path, func() bool {
		data, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(strings.TrimSpace(string(data)))
		return err == nil
	})
	return pid
}

// TestNeighboursKeepTheirDaemons has two commands of one supervisor leave daemons
// behind: the end of one takes its own along and not the other's.
func TestNeighboursKeepTheirDaemons(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	long, short := shell(t, daemon("", "d")+"while ! [ -e go ]; do sleep 0.01; done"), shell(t, daemon("", "d"))
	first := launchIn(t, p, long)
	theirs := pidIn(t, filepath.Join(long.WorkDir, "d"))
	if state, exit := wait(t, launchIn(t, p, short)); state != Done || exit.Code != 0 {
		t.Fatalf("state %v, exit %+v", state, exit)
	}
	if supervisorOf(t, long) != supervisorOf(t, short) {
		t.Fatal("they were to share a supervisor")
	}
	if pid := pidIn(t, filepath.Join(short.WorkDir, "d")); alive(pid) {
		t.Errorf("daemon %d outlived its command", pid)
	}
	if !alive(theirs) {
		t.Error("the daemon of a command that runs was killed with another's")
	}
	touch(t, filepath.Join(long.WorkDir, "go"))
	wait(t, first)
	if alive(theirs) {
		t.Errorf("daemon %d outlived its command", theirs)
	}
}

// TestADaemonWithoutTraceGoesWithTheLast hides whose a daemon is: no session, no
// environment. It is left alone while it may belong to a command that runs.
func TestADaemonWithoutTraceGoesWithTheLast(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	long, short := shell(t, "while ! [ -e go ]; do sleep 0.01; done"), shell(t, daemon("env -i PATH=$PATH", "d"))
	first := launchIn(t, p, long)
	wait(t, launchIn(t, p, short))
	pid := pidIn(t, filepath.Join(short.WorkDir, "d"))
	if !alive(pid) {
		t.Error("killed although it may be a running command's")
	}
	touch(t, filepath.Join(long.WorkDir, "go"))
	wait(t, first)
	if alive(pid) {
		t.Error("it outlived all commands of its supervisor")
	}
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestALostSupervisorLosesItsOwn kills one of two supervisors: its commands are
// lost with all that they left behind, and the other's go on.
func TestALostSupervisorLosesItsOwn(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	var specs []Spec
	var epochs []*Epoch
	for i := range attemptsEach + 1 {
		script := "echo up; exec sleep 300"
		switch i {
		case 0:
			script = daemon("", "d") + script
		case attemptsEach:
			script = "echo up; while ! [ -e go ]; do sleep 0.02; done; exit 3"
		}
		specs = append(specs, shell(t, script))
		epochs = append(epochs, launchIn(t, p, specs[i]))
		awaitLog(t, specs[i])
	}
	first, second := supervisorOf(t, specs[0]), supervisorOf(t, specs[attemptsEach])
	if first == second || supervisorOf(t, specs[attemptsEach-1]) != first {
		t.Fatalf("one supervisor for more than %d commands, or two for less", attemptsEach)
	}
	left := pidIn(t, filepath.Join(specs[0].WorkDir, "d"))
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for i, e := range epochs[:attemptsEach] {
		if state, exit := wait(t, e); state != Lost {
			t.Errorf("%d: state %v, exit %+v; want Lost", i, state, exit)
		}
	}
	if alive(left) {
		t.Errorf("daemon %d of a lost command runs on", left)
	}
	touch(t, filepath.Join(specs[attemptsEach].WorkDir, "go"))
	if state, exit := wait(t, epochs[attemptsEach]); state != Done || exit.Code != 3 {
		t.Errorf("state %v, exit %+v; want Done, 3", state, exit)
	}
}

// TestAnUnheardOrderGoesToAnother kills a supervisor that was told of a command
// and has not heard it: it is stopped, so that it cannot.
func TestAnUnheardOrderGoesToAnother(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	before := shell(t, "exit 0")
	wait(t, launchIn(t, p, before))
	supervisor := supervisorOf(t, before)
	if err := syscall.Kill(supervisor, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	spec := shell(t, "echo ran; exit 4")
	e := launchIn(t, p, spec)
	if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, e); state != Done || exit.Code != 4 || readLog(t, spec) != "ran\n" {
		t.Errorf("state %v, exit %+v; want Done, 4", state, exit)
	}
}

func TestASupervisorThatIsToldToEndStopsWhatItRuns(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	spec := shell(t, "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done")
	e := launchIn(t, p, spec)
	awaitLog(t, spec)
	supervisor := supervisorOf(t, spec)
	if err := syscall.Kill(supervisor, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, e); state != Done || exit.Code != 7 || exit.Cause != Stopped {
		t.Errorf("state %v, exit %+v; want Done, 7, stopped", state, exit)
	}
	eventually(t, "the supervisor's end", func() bool { return !alive(supervisor) })
	if state, _ := wait(t, launchIn(t, p, shell(t, "exit 0"))); state != Done {
		t.Errorf("after it, state %v", state)
	}
}

// TestAClosedPool leaves what runs alone, starts nothing, and its supervisors end
// after their last command.
func TestAClosedPool(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	spec := shell(t, "echo up; while ! [ -e go ]; do sleep 0.01; done; exit 5")
	e := launchIn(t, p, spec)
	awaitLog(t, spec)
	supervisor := supervisorOf(t, spec)
	p.Close()
	if _, err := p.Launch(shell(t, "exit 0")); !errors.Is(err, errClosed) {
		t.Errorf("launch: %v", err)
	}
	if state, _, err := Inspect(spec.Journal); state != Running || err != nil {
		t.Errorf("state %v, %v; want Running", state, err)
	}
	touch(t, filepath.Join(spec.WorkDir, "go"))
	if state, exit := wait(t, e); state != Done || exit.Code != 5 {
		t.Errorf("state %v, exit %+v; want Done, 5", state, exit)
	}
	eventually(t, "the supervisor's end", func() bool { return !alive(supervisor) })
}

// TestDismissedBeforeItIsThere closes a pool whose supervisor is just being started.
func TestDismissedBeforeItIsThere(t *testing.T) {
	t.Parallel()
	m := newMember(newPool(t))
	m.dismiss()
	if err := m.started(); err != nil {
		t.Fatal(err)
	}
	reports, err := m.tell(shell(t, "exit 0"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case r, ok := <-reports:
		if ok {
			t.Errorf("it was told of a command: %+v", r)
		}
	case <-time.After(20 * time.Second):
		t.Error("it stays for ever")
	}
}

func TestAnEpochThatCannotBeClaimed(t *testing.T) {
	t.Parallel()
	spec := shell(t, "exit 0")
	spec.Journal = filepath.Join(spec.WorkDir, "no", "such", "journal")
	state, _, err := launch(t, spec).Wait(t.Context())
	if state != Free || !errors.Is(err, ErrUnclaimed) || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("state %v, error %v", state, err)
	}
}

func TestStopIsForOne(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	script := "echo up; while ! [ -e go ]; do sleep 0.01; done; exit 2"
	one, other := shell(t, script), shell(t, script)
	stopped, e := launchIn(t, p, one), launchIn(t, p, other)
	awaitLog(t, one)
	awaitLog(t, other)
	if err := stopped.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if state, exit := wait(t, stopped); state != Done || exit.Cause != Stopped {
		t.Errorf("state %v, exit %+v; want Done, stopped", state, exit)
	}
	touch(t, filepath.Join(other.WorkDir, "go"))
	if state, exit := wait(t, e); state != Done || exit.Code != 2 {
		t.Errorf("state %v, exit %+v; want Done, 2", state, exit)
	}
}

func TestALineThatIsNoOrder(t *testing.T) {
	t.Parallel()
	for name, say := range map[string]string{"garbage": "garbage\n", "another value": "[]\n", "cut short": `{"ID":1,"Spec":{`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMember(newPool(t))
			if err := m.started(); err != nil {
				t.Fatal(err)
			}
			if _, err := m.socket.WriteString(say); err != nil {
				t.Fatal(err)
			}
			if name == "cut short" {
				m.dismiss()
			}
			eventually(t, "its end", func() bool {
				m.mu.Lock()
				defer m.mu.Unlock()
				return m.gone
			})
		})
	}
}

func TestStandardInputThatIsNoSocket(t *testing.T) {
	t.Parallel()
	in, err := unix.Open(os.DevNull, unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{fd: in}
	l.receive()
	if l.open() || l.broken == nil || !strings.Contains(l.broken.Error(), "no socket") {
		t.Errorf("open %v, broken %v", l.open(), l.broken)
	}
}

// TestThousandAtOnce runs a thousand commands at a time, in few and small processes.
func TestThousandAtOnce(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand processes take some seconds")
	}
	p := newPool(t)
	dir := t.TempDir()
	var epochs []*Epoch
	pids := map[int]bool{}
	for i := range 1000 {
		at := filepath.Join(dir, strconv.Itoa(i))
		epochs = append(epochs, launchIn(t, p, Spec{
			Journal: at + ".journal", WorkDir: dir, Log: at + ".log", Args: []string{"sleep", "300"},
			Env: []string{"PATH=" + os.Getenv("PATH")}, Grace: time.Second,
		}))
	}
	for _, e := range epochs {
		eventually(t, "its start", func() bool { return e.PID() != 0 })
		pids[supervisorOf(t, Spec{Journal: e.journal})] = true
	}
	if want := (1000 + attemptsEach - 1) / attemptsEach; len(pids) != want {
		t.Errorf("%d supervisors, want %d", len(pids), want)
	}
	for _, e := range epochs {
		if err := e.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range epochs {
		if state, exit := wait(t, e); state != Done || exit.Signal != 15 {
			t.Fatalf("state %v, exit %+v", state, exit)
		}
	}
	eventually(t, "one supervisor left", func() bool {
		left := 0
		for pid := range pids {
			if alive(pid) {
				left++
			}
		}
		return left == 1
	})
}
