package container

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// once tells that it ran, waits for a file, and ends with a status.
const once = `echo ran >> ran; echo before; while ! [ -e go ]; do sleep 0.01; done; echo after; exit 7`

func (b *bench) ran() int { return strings.Count(b.read(b.order.WorkDir+"/ran"), "ran") }

// leave has an agent begin to wait, and end as soon as the log has a line.
func (b *bench) leave(a runtime.Attempt) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := a.Wait(ctx)
		done <- err
	}()
	b.await("a line in the log", func() bool { return b.log() == "before\n" })
	cancel()
	if err := <-done; err == nil {
		b.t.Error("a wait that was given up returned an end")
	}
}

func TestAnotherAgentAdopts(t *testing.T) {
	for name, during := range map[string]bool{"while it runs": false, "after it has ended": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, once)
			b.leave(b.begin(1))
			if during {
				b.touch("go")
				b.await("its end", func() bool {
					found, err := b.engine().ContainerInspect(t.Context(), b.name("1"), client.ContainerInspectOptions{})
					return err == nil && !found.Container.State.Running
				})
			}
			next := b.agent()
			h, err := next.History(b.at)
			if err != nil || !h.Open || h.Begun != 1 || len(h.Attempts) != 1 {
				t.Fatalf("history %+v, %v", h, err)
			}
			b.touch("go")
			if exit := b.wait(next.Adopt(b.at, 1)); exit.Code != 7 || exit.Cause != runtime.Ended {
				t.Errorf("exit %+v, want its true status 7", exit)
			}
			if got := b.log(); got != "before\nafter\n" || b.ran() != 1 {
				t.Errorf("log %q, ran %d times", got, b.ran())
			}
		})
	}
}

// TestAStartThatWasCutShort kills the agent, as it were, between any two of its steps.
func TestAStartThatWasCutShort(t *testing.T) {
	now := time.Now()
	for name, cut := range map[string]func(b *bench, s *starter, path string, c claim) error{
		"nothing written": func(*bench, *starter, string, claim) error { return nil },
		"half a claim": func(_ *bench, _ *starter, path string, _ claim) error {
			return os.WriteFile(path, []byte(`{"Claim":{"Host"`), 0o600)
		},
		"claimed": func(_ *bench, _ *starter, path string, c claim) error { return begin(path, c) },
		"made": func(b *bench, s *starter, path string, c claim) error {
			if err := begin(path, c); err != nil {
				return err
			}
			_, err := s.create(b.t.Context(), s.main, journalPath(b.at, 1), c.Name, 1)
			return err
		},
		"about to be started": func(b *bench, s *starter, path string, c claim) error {
			if err := begin(path, c); err != nil {
				return err
			}
			if _, err := s.create(b.t.Context(), s.main, journalPath(b.at, 1), c.Name, 1); err != nil {
				return err
			}
			return note(path, record{Started: &now})
		},
		"started": func(b *bench, s *starter, path string, c claim) error {
			if err := begin(path, c); err != nil {
				return err
			}
			if _, err := s.create(b.t.Context(), s.main, journalPath(b.at, 1), c.Name, 1); err != nil {
				return err
			}
			if err := note(path, record{Started: &now}); err != nil {
				return err
			}
			return s.engine.start(b.t.Context(), c.Name)
		},
		"started and the journal lost": func(b *bench, s *starter, _ string, c claim) error {
			if _, err := s.create(b.t.Context(), s.main, journalPath(b.at, 1), c.Name, 1); err != nil {
				return err
			}
			return s.engine.start(b.t.Context(), c.Name)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, once)
			b.touch("go")
			s := b.agent().Open(b.at).(*starter)
			if err := s.Prepare(t.Context(), b.order); err != nil {
				t.Fatal(err)
			}
			c := claim{Host: s.engine.host, Name: b.name("1"), Log: b.order.Log, Grace: b.order.Grace}
			if err := cut(b, s, journalPath(b.at, 1), c); err != nil {
				t.Fatal(err)
			}
			if exit := b.goOn(); exit.Code != 7 || b.ran() != 1 || b.log() != "before\nafter\n" {
				t.Errorf("exit %+v, ran %d times, log %q", exit, b.ran(), b.log())
			}
		})
	}
}

// goOn does what an engine does at a place that it finds: adopt or begin.
func (b *bench) goOn() runtime.Exit {
	b.t.Helper()
	r := b.agent()
	h, err := r.History(b.at)
	if err != nil {
		b.t.Fatal(err)
	}
	if h.Open {
		return b.wait(r.Adopt(b.at, h.Attempts[len(h.Attempts)-1]))
	}
	if h.Next != 1 {
		b.t.Fatalf("history %+v, want the first attempt again", h)
	}
	return b.wait(b.begin(h.Next))
}

func TestAStopBeforeTheStart(t *testing.T) {
	b := newBench(t, once)
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
	a := b.agent().Adopt(b.at, 1)
	stop(t, a)
	if exit := b.wait(a); exit.Cause != runtime.Stopped || b.ran() != 0 {
		t.Errorf("exit %+v, ran %d times", exit, b.ran())
	}
}

func TestARemovedContainerIsLost(t *testing.T) {
	b := newBench(t, once)
	a := b.begin(1)
	b.await("that it runs", func() bool { return b.ran() == 1 })
	ended := make(chan runtime.Exit, 1)
	go func() { ended <- b.wait(a) }()
	if err := b.engine().remove(t.Context(), b.name("1")); err != nil {
		t.Fatal(err)
	}
	if exit := <-ended; exit.Cause != runtime.Lost && exit.Code != 137 { // it is killed before it is removed
		t.Errorf("exit %+v", exit)
	}
	exit := b.wait(b.agent().Adopt(b.at, 1))
	if exit.Cause != runtime.Lost || exit.Reason != "ContainerLost" || !strings.Contains(exit.Message, b.name("1")) {
		t.Errorf("exit %+v", exit)
	}
}

func TestAttemptsFollowEachOther(t *testing.T) {
	b := newBench(t, "echo x >> tries; wc -l < tries; exit 1")
	for n := 1; n <= 3; n++ {
		if exit := b.wait(b.begin(n)); exit.Code != 1 {
			t.Fatalf("exit %+v", exit)
		}
	}
	if got := b.log(); got != "1\n2\n3\n" {
		t.Errorf("log %q", got)
	}
	if h, err := b.agent().History(b.at); err != nil || h.Begun != 3 || h.Next != 4 || !h.Open {
		t.Errorf("history %+v, %v", h, err)
	}
	if err := b.agent().Forget(t.Context(), b.at); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"1", "2", "3"} {
		if _, err := b.engine().ContainerInspect(t.Context(), b.name(n), client.ContainerInspectOptions{}); err == nil {
			t.Errorf("container %s is still there", n)
		}
	}
}

// TestALongLogIsThereOnce gives the copy up again and again.
func TestALongLogIsThereOnce(t *testing.T) {
	b := newBench(t, "seq 1 60000")
	b.begin(1)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		_, _ = b.agent().Adopt(b.at, 1).Wait(ctx)
		cancel()
	}
	b.wait(b.agent().Adopt(b.at, 1))
	lines := strings.Split(strings.TrimSpace(b.log()), "\n")
	if len(lines) != 60000 || lines[0] != "1" || lines[59999] != "60000" {
		t.Errorf("%d lines, %s to %s", len(lines), lines[0], lines[len(lines)-1])
	}
}
