package container

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// sh is a command of a shell.
func sh(script string) []string { return []string{"sh", "-c", script} }

// companion is a container in the test's image that runs a script.
func (b *bench) companion(name, script string, restart pod.Restart) runtime.Companion {
	return runtime.Companion{
		Image: b.order.Template.GetImage(), Command: sh(script), Container: pod.Container{Name: name, Restart: restart, WorkDir: b.order.WorkDir},
		WorkingDir: b.order.WorkDir,
	}
}

// newPod is a bench with a pod around its script.
func newPod(t testing.TB, script string) *bench {
	b := newBench(t, script)
	b.order.Pod = &runtime.Pod{Main: pod.Container{Name: "main"}}
	return b
}

func (b *bench) out() string { return b.read(b.order.WorkDir + "/out") }

func quick(a pod.Action) *pod.Probe {
	return &pod.Probe{Action: a, Period: 20 * time.Millisecond, Timeout: 5 * time.Second, Failures: 2}
}

func TestPod(t *testing.T) {
	patient := func(script string) *pod.Probe {
		p := quick(pod.Action{Exec: sh(script)})
		p.Failures = 500
		return p
	}
	for _, tt := range []struct {
		name   string
		main   string
		change func(*bench, *runtime.Pod)
		code   int
		reason string
		says   string
		out    string
	}{
		{name: "in order", main: "echo main >> out", change: func(b *bench, p *runtime.Pod) {
			p.Init = []runtime.Companion{b.companion("a", "echo a >> out", ""), b.companion("b", "echo b >> out", "")}
		}, out: "a\nb\nmain\n"},
		{
			name: "an init container that fails", main: "echo main >> out", change: func(b *bench, p *runtime.Pod) {
				p.Init = []runtime.Companion{b.companion("a", "exit 3", ""), b.companion("b", "echo b >> out", "")}
			}, code: 3, reason: "InitContainerFailed", says: "init container a failed: exit status 3",
		},
		{
			name: "one that cannot be started", main: "echo main >> out", change: func(b *bench, p *runtime.Pod) {
				c := b.companion("a", "", "")
				c.Command = []string{"no-such-program"}
				p.Init = []runtime.Companion{c}
			}, code: 126, reason: "InitContainerFailed", says: "no-such-program",
		},
		{
			name: "a sidecar that the next waits for", main: "cat ready >> out", change: func(b *bench, p *runtime.Pod) {
				c := b.companion("a", "sleep 0.2; echo x > ready; exec sleep 60", pod.Always)
				c.Startup = patient("test -e ready")
				p.Init = []runtime.Companion{c}
			}, out: "x\n",
		},
		{
			name: "a sidecar that is started again", main: `until [ "$(wc -l < out)" -ge 3 ]; do sleep 0.02; done`, change: func(b *bench, p *runtime.Pod) {
				p.Init = []runtime.Companion{b.companion("i", "touch out", ""), b.companion("a", "echo x >> out; exit 0", pod.Always)}
			}, out: "x\nx\nx\n",
		},
		{name: "companions are stopped", main: "until [ -e up ]; do sleep 0.02; done", change: func(b *bench, p *runtime.Pod) {
			p.Beside = []runtime.Companion{b.companion("a", `trap "echo bye >> out; exit 0" TERM; touch up; while :; do sleep 0.02; done`, "")}
		}, out: "bye\n"},
		{
			name: "liveness", main: "exec sleep 60", change: func(_ *bench, p *runtime.Pod) {
				p.Main.Liveness = quick(pod.Action{Exec: sh("exit 1")})
			}, code: 137, reason: "ProbeFailed", says: "the liveness probe of container main failed 2 times in a row: sh -c exit 1: exit status 1",
		},
		{
			name: "startup", main: "exec sleep 60", change: func(_ *bench, p *runtime.Pod) {
				p.Main.Startup = quick(pod.Action{TCP: "127.0.0.1:1"})
			}, code: 137, reason: "ProbeFailed", says: "the startup probe of container main failed",
		},
		{
			name: "hooks", main: `trap "echo term >> out; exit 0" TERM; until [ -e done ]; do sleep 0.02; done; echo main >> out`, change: func(_ *bench, p *runtime.Pod) {
				p.Main.PostStart = &pod.Action{Exec: sh("echo hook >> " + "$PWD/out; touch $PWD/done")}
			}, out: "hook\nmain\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newPod(t, tt.main)
			tt.change(b, b.order.Pod)
			exit := b.run()
			if exit.Code != tt.code || exit.Reason != tt.reason || !strings.Contains(exit.Message, tt.says) || exit.Cause == runtime.Failed != (tt.reason != "") {
				t.Errorf("exit %+v, want %d, %s: %s", exit, tt.code, tt.reason, tt.says)
			}
			if out := b.out(); out != tt.out {
				t.Errorf("wrote %q, want %q", out, tt.out)
			}
			b.wantStill()
		})
	}
}

// wantStill checks that nothing of the first attempt runs.
func (b *bench) wantStill() {
	b.t.Helper()
	rec, err := readJournal(journalPath(b.at, 1))
	if err != nil {
		b.t.Fatal(err)
	}
	for _, name := range rec.Claim.containers() {
		found, err := b.engine().ContainerInspect(b.t.Context(), name, client.ContainerInspectOptions{})
		if err != nil || found.Container.State.Running {
			b.t.Errorf("container %s runs on: %v", name, err)
		}
	}
}

// TestLogsOfAPod has the log of what comes in order be one, and those of others beside it.
func TestLogsOfAPod(t *testing.T) {
	b := newPod(t, "until [ -e up ]; do sleep 0.02; done; echo main")
	b.order.Pod.Init = []runtime.Companion{
		b.companion("a", "echo first", ""), b.companion("side", "echo beside; touch up; exec sleep 60", pod.Always), b.companion("b", "echo second", ""),
	}
	if exit := b.run(); exit.Code != 0 {
		t.Errorf("exit %+v", exit)
	}
	if got := b.log(); got != "first\nsecond\nmain\n" {
		t.Errorf("log %q", got)
	}
	if got := b.read(b.order.Log + ".side"); got != "beside\n" {
		t.Errorf("log of the sidecar %q", got)
	}
}

func TestAStopOfAPod(t *testing.T) {
	listens := `trap "echo NAME >> out; exit 5" TERM; touch NAME; while :; do sleep 0.02; done`
	script := func(name string) string { return strings.ReplaceAll(listens, "NAME", name) }
	for name, tt := range map[string]struct {
		init bool
		code int
		out  string
	}{
		"while it runs":        {false, 5, "hook\nmain\nside\n"},
		"while it initialises": {true, 143, "init\nside\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newPod(t, script("main"))
			b.order.Grace = 10 * time.Second
			b.order.Pod.Main.PreStop = &pod.Action{Exec: sh("echo hook >> $PWD/out")}
			b.order.Pod.Init = []runtime.Companion{b.companion("side", script("side"), pod.Always)}
			last := "main"
			if tt.init {
				b.order.Pod.Init = append(b.order.Pod.Init, b.companion("init", script("init"), ""))
				last = "init"
			}
			b.begin(1)
			a := b.agent().Adopt(b.at, 1)
			ended := make(chan runtime.Exit, 1)
			go func() { ended <- b.wait(a) }()
			for _, file := range []string{"side", last} {
				b.await(file, func() bool { _, err := os.Stat(b.order.WorkDir + "/" + file); return err == nil })
			}
			stop(t, a)
			if exit := <-ended; exit.Cause != runtime.Stopped || exit.Code != tt.code {
				t.Errorf("exit %+v, want %d", exit, tt.code)
			}
			if out := b.out(); out != tt.out {
				t.Errorf("wrote %q, want %q", out, tt.out)
			}
			b.wantStill()
		})
	}
}

// TestAStopOfAPodThatNobodySawThrough has another agent do it.
func TestAStopOfAPodThatNobodySawThrough(t *testing.T) {
	b := newPod(t, "echo ran >> ran")
	b.order.Pod.Init = []runtime.Companion{b.companion("a", `echo up; trap "exit 0" TERM; while :; do sleep 0.02; done`, "")}
	a := b.begin(1)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := a.Wait(ctx)
		left <- err
	}()
	b.await("a line in the log", func() bool { return b.log() == "up\n" })
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	stop(t, b.agent().Adopt(b.at, 1))
	if exit := b.wait(b.agent().Adopt(b.at, 1)); exit.Cause != runtime.Stopped || b.ran() != 0 {
		t.Errorf("exit %+v, ran %d times", exit, b.ran())
	}
	b.wantStill()
}

const stepScript = "echo NAME begins >> out; echo NAME; sleep 0.3; echo NAME ends >> out"

// TestAPodGoesOnUnderOtherAgents has agents go at moments that nobody chose.
func TestAPodGoesOnUnderOtherAgents(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0)) // #nosec G404 -- moments, not secrets
	for round := range 2 {
		b := newPod(t, strings.ReplaceAll(stepScript, "NAME", "main"))
		b.order.Pod.Init = []runtime.Companion{
			b.companion("a", strings.ReplaceAll(stepScript, "NAME", "a"), ""),
			b.companion("side", "echo x; exec sleep 60", pod.Always),
			b.companion("b", strings.ReplaceAll(stepScript, "NAME", "b"), ""),
		}
		b.order.Pod.Main.PostStart = &pod.Action{Exec: sh("true")}
		a := b.begin(1)
		agents := 1
		for until := time.Now().Add(patience); ; agents++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(random.IntN(2000))*time.Millisecond)
			exit, err := a.Wait(ctx)
			cancel()
			if err == nil {
				if exit.Code != 0 || exit.Cause != runtime.Ended {
					t.Errorf("round %d: exit %+v", round, exit)
				}
				break
			}
			if time.Now().After(until) {
				t.Fatalf("round %d: it never ends: %q", round, b.out())
			}
			a = b.agent().Adopt(b.at, 1)
		}
		if out, want := b.out(), "a begins\na ends\nb begins\nb ends\nmain begins\nmain ends\n"; out != want {
			t.Errorf("round %d with %d agents: wrote %q, want %q", round, agents, out, want)
		}
		if log := b.log(); log != "a\nb\nmain\n" {
			t.Errorf("round %d with %d agents: log %q", round, agents, log)
		}
		if log := b.read(b.order.Log + ".side"); log != "x\n" {
			t.Errorf("round %d with %d agents: log of the sidecar %q", round, agents, log)
		}
		b.wantStill()
	}
}

// TestAPodThatAnotherAgentBegan has the hook wait for the container, which is started late: a request
// of the first agent might be on its way.
func TestAPodThatAnotherAgentBegan(t *testing.T) {
	b := newPod(t, "until [ -e hooked ]; do sleep 0.02; done")
	b.order.Pod.Main.PostStart = &pod.Action{Exec: sh("touch $PWD/hooked")}
	b.begin(1)
	if exit := b.wait(b.agent().Adopt(b.at, 1)); exit.Code != 0 || exit.Cause != runtime.Ended {
		t.Errorf("exit %+v", exit)
	}
}

// TestAPodStartThatWasCutShort kills the agent between the steps of a start.
func TestAPodStartThatWasCutShort(t *testing.T) {
	for _, steps := range []int{0, 1, 2, 3, 4} {
		b := newPod(t, once)
		b.touch("go")
		b.order.Pod.Init = []runtime.Companion{b.companion("a", "echo a >> out", ""), b.companion("b", "echo b >> out", "")}
		s := b.agent().Open(b.at).(*starter)
		if err := s.Prepare(t.Context(), b.order); err != nil {
			t.Fatal(err)
		}
		path, name, now := journalPath(b.at, 1), b.name("1"), time.Now()
		c := claim{Host: s.engine.host, Name: name, Log: b.order.Log, Grace: b.order.Grace, Pod: s.podClaim(name)}
		for i, step := range []func() error{
			func() error { return begin(path, c) },
			func() error { _, err := s.create(t.Context(), s.others[0], path, name+".a", 1); return err },
			func() error { _, err := s.create(t.Context(), s.others[1], path, name+".b", 1); return err },
			func() error { _, err := s.create(t.Context(), s.main, path, name, 1); return err },
			func() error { return note(path, record{Started: &now}) },
		} {
			if i > steps {
				break
			}
			if err := step(); err != nil {
				t.Fatal(err)
			}
		}
		if exit := b.goOn(); exit.Code != 7 || b.ran() != 1 || b.out() != "a\nb\n" {
			t.Errorf("after %d steps: exit %+v, ran %d times, wrote %q", steps, exit, b.ran(), b.out())
		}
	}
}

// TestAVerdictOutlivesTheAgent has it go between the verdict and the end.
func TestAVerdictOutlivesTheAgent(t *testing.T) {
	b := newPod(t, "exit 0")
	b.begin(1)
	if err := pod.WriteVerdict(verdictPath(journalPath(b.at, 1)), pod.Verdict{Reason: "ProbeFailed", Message: "so"}); err != nil {
		t.Fatal(err)
	}
	if exit := b.wait(b.agent().Adopt(b.at, 1)); exit.Code != pod.CodeStopped || exit.Reason != "ProbeFailed" || exit.Message != "so" {
		t.Errorf("exit %+v", exit)
	}
}

// TestAPodUnderALease ends all of its containers, and starts nothing more.
func TestAPodUnderALease(t *testing.T) {
	b := newPod(t, "echo ran >> ran")
	b.tethered(time.Minute)
	b.order.Pod.Init = []runtime.Companion{b.companion("side", beats, pod.Always), b.companion("a", "touch up; exec sleep 60", "")}
	a := b.begin(1)
	ended := make(chan runtime.Exit, 1)
	go func() { ended <- b.wait(a) }()
	b.await("it to be up", func() bool { _, err := os.Stat(b.order.WorkDir + "/up"); return err == nil })
	b.lease(-time.Second)
	exit := <-ended
	if exit.Reason != runtime.ReasonNodeLost || b.ran() != 0 {
		t.Errorf("exit %+v, ran %d times", exit, b.ran())
	}
	b.wantStill()
}

// TestAPodShares has a network that is not the node's.
func TestAPodShares(t *testing.T) {
	b := newPod(t, `for i in $(seq 100); do nc 127.0.0.1 7777 > said && [ -s said ] && break; sleep 0.05; done; cat said`)
	b.tethered(time.Minute)
	b.order.Lease = ""
	before := b.changes
	b.changes = func(o *Options) {
		before(o)
		o.Network = "none"
	}
	b.order.Pod.Beside = []runtime.Companion{b.companion("server", "while :; do echo hello | nc -l -p 7777; done", "")}
	if exit := b.run(); exit.Code != 0 {
		t.Errorf("exit %+v", exit)
	}
	if got := b.log(); got != "hello\n" {
		t.Errorf("log %q", got)
	}
	b.wantStill()
}
