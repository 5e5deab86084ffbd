package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// builtSupervisor is the supervisor as it is shipped.
var builtSupervisor = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "kfmesh-supervisor")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "kfmesh-supervisor")
	build := exec.Command("go", "build", "-o", path, "../../../../../cmd/kfmesh-supervisor")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(string(out))
	}
	return path, nil
})

// tethered has the containers of a bench be on tethers, under a lease that lasts for so long.
func (b *bench) tethered(left time.Duration) {
	b.t.Helper()
	program, err := builtSupervisor()
	if err != nil {
		b.t.Fatal(err)
	}
	b.changes = func(o *Options) { o.Supervisor = []string{program} }
	b.order.Lease, b.order.Term = filepath.Join(b.t.TempDir(), "lease"), "first"
	b.lease(left)
}

func (b *bench) lease(left time.Duration) {
	b.t.Helper()
	until := boottime.Now().Add(left)
	if err := supervise.NewLease(b.order.Term, until, until).Write(b.order.Lease); err != nil {
		b.t.Fatal(err)
	}
}

// awaitStill waits until the container does not run, or does not any more.
func (b *bench) awaitStill() {
	b.t.Helper()
	b.await("its end", func() bool {
		found, err := b.engine().ContainerInspect(b.t.Context(), b.name("1"), client.ContainerInspectOptions{})
		return err == nil && !found.Container.State.Running
	})
}

const beats = `trap "" TERM; echo up; while :; do echo x >> beats; sleep 0.02; done`

func (b *bench) wantNodeLost(exit runtime.Exit) {
	b.t.Helper()
	if exit.Cause != runtime.Failed || exit.Reason != runtime.ReasonNodeLost || exit.Code != 137 {
		b.t.Errorf("exit %+v, want NodeLost", exit)
	}
}

// TestAContainerDoesNotOutliveItsLease has no agent there while the lease ends.
func TestAContainerDoesNotOutliveItsLease(t *testing.T) {
	for name, user := range map[string]int64{"as root": 0, "as another user": 4321} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, beats)
			b.tethered(time.Minute)
			b.order.Template.SecurityContext = securityContext(user)
			b.begin(1)
			b.await("a beat", func() bool { return b.read(b.order.WorkDir+"/beats") != "" })
			b.lease(500 * time.Millisecond)
			b.awaitStill()
			before := b.read(b.order.WorkDir + "/beats")
			<-time.After(200 * time.Millisecond)
			if after := b.read(b.order.WorkDir + "/beats"); after != before {
				t.Error("something of it lives")
			}
			b.wantNodeLost(b.wait(b.agent().Adopt(b.at, 1)))
		})
	}
}

// TestAStartThatComesAfterTheLease has the engine be asked in time and serve it too late.
func TestAStartThatComesAfterTheLease(t *testing.T) {
	b := newBench(t, once)
	b.tethered(time.Minute)
	s := b.agent().Open(b.at).(*starter)
	if err := s.Prepare(t.Context(), b.order); err != nil {
		t.Fatal(err)
	}
	path, now := journalPath(b.at, 1), time.Now()
	c := claim{Host: s.engine.host, Name: b.name("1"), Log: b.order.Log, Grace: b.order.Grace}
	if err := begin(path, c); err != nil {
		t.Fatal(err)
	}
	if _, err := s.create(t.Context(), s.main, path, c.Name, 1); err != nil {
		t.Fatal(err)
	}
	if err := note(path, record{Started: &now}); err != nil {
		t.Fatal(err)
	}
	b.lease(-time.Second)
	if err := s.engine.start(t.Context(), c.Name); err != nil {
		t.Fatal(err)
	}
	b.awaitStill()
	b.lease(time.Minute) // too late for what has ended
	b.wantNodeLost(b.wait(b.agent().Adopt(b.at, 1)))
	if b.ran() != 0 {
		t.Error("it ran")
	}
}

// TestADeadlineWithoutAgent has nobody but the tether keep it.
func TestADeadlineWithoutAgent(t *testing.T) {
	for name, tt := range map[string]struct {
		script string
		code   int
	}{
		"heard":   {`trap "exit 5" TERM; echo up; while :; do sleep 0.02; done`, 5},
		"ignored": {beats, 137},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, tt.script)
			b.tethered(time.Minute)
			b.order.Lease, b.order.Deadline, b.order.Grace = "", time.Now().Add(time.Second), 200*time.Millisecond
			b.begin(1)
			if exit := b.wait(b.agent().Adopt(b.at, 1)); exit.Cause != runtime.Deadline || exit.Code != tt.code {
				t.Errorf("exit %+v, want that of a deadline with %d", exit, tt.code)
			}
		})
	}
}

// TestATetheredContainerIsAsAnyOther runs what an image starts, and what cannot be started.
func TestATetheredContainerIsAsAnyOther(t *testing.T) {
	b := newBench(t, "")
	b.tethered(time.Minute)
	b.order.Command[2] = `echo "$COLOR $(id -u) $PWD"; exit 6`
	b.order.Template.SecurityContext = securityContext(4321)
	if exit := b.run(); exit.Code != 6 || exit.Cause != runtime.Ended {
		t.Errorf("exit %+v", exit)
	}
	if got, want := b.log(), "blue 4321 "+b.order.WorkDir+"\n"; got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	b.order.Command = []string{"no-such-program"}
	exit := b.wait(b.begin(2))
	if exit.Cause != runtime.Failed || exit.Reason != runtime.ReasonStart || !strings.Contains(exit.Message, "no-such-program") {
		t.Errorf("exit %+v", exit)
	}
	b.order.Command = []string{"sh", "-c", "tail /dev/zero"}
	b.order.Template.Resources = memoryLimit(32 << 20)
	if exit := b.wait(b.begin(3)); exit.Reason != runtime.ReasonOutOfMemory {
		t.Errorf("exit %+v", exit)
	}
}

// TestAStopOfATetheredContainer is heard by the command and counts as a stop.
func TestAStopOfATetheredContainer(t *testing.T) {
	b := newBench(t, `trap "exit 5" TERM; echo up; while :; do sleep 0.02; done`)
	b.tethered(time.Minute)
	b.order.Deadline = time.Now().Add(time.Minute)
	a := b.begin(1)
	ended := make(chan runtime.Exit, 1)
	go func() { ended <- b.wait(a) }()
	b.await("a line in the log", func() bool { return b.log() == "up\n" })
	stop(t, a)
	if exit := <-ended; exit.Code != 5 || exit.Cause != runtime.Stopped {
		t.Errorf("exit %+v", exit)
	}
}

func TestAnInitSystemIsNotTethered(t *testing.T) {
	b := newBench(t, "")
	b.tethered(time.Minute)
	b.order.Command = []string{"/sbin/init"}
	if exit := b.run(); strings.Contains(exit.Message, "/.kfmesh") {
		t.Errorf("exit %+v", exit)
	}
	if !slices.ContainsFunc(b.told.warnings, func(w string) bool { return strings.Contains(w, "has to be process 1") }) {
		t.Errorf("warnings %q", b.told.warnings)
	}
}
