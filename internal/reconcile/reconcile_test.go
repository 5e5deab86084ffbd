package reconcile_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/reconcile"
)

// journal notes when keys were handled, since the journal was made.
type journal struct {
	mu    sync.Mutex
	start time.Time
	at    map[string][]time.Duration // guarded by mu
}

func newJournal() *journal {
	return &journal{start: time.Now(), at: map[string][]time.Duration{}}
}

// note adds an entry and returns how many the key then has.
func (j *journal) note(key string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.at[key] = append(j.at[key], time.Since(j.start))
	return len(j.at[key])
}

func (j *journal) of(key string) []time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.at[key]
}

// run runs a controller in a bubble for a while.
func run(t *testing.T, options reconcile.Options, handle reconcile.Handler, act func(*reconcile.Controller)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := reconcile.New("test", slog.New(slog.DiscardHandler), handle, options)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- c.Run(ctx) }()
		act(c)
		synctest.Wait()
		stop()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("run ended with %v", err)
		}
	})
}

func TestFailuresAreTriedAgainEverMoreSeldom(t *testing.T) {
	t.Parallel()
	var j *journal
	run(t, reconcile.Options{FirstWait: time.Second, MaxWait: 4 * time.Second}, func(_ context.Context, key string) (time.Duration, error) {
		switch n := j.note(key); {
		case n <= 2:
			return 0, errors.New("not yet")
		case n == 3:
			return 0, fault.Conflictf("changed meanwhile")
		case n == 4:
			panic("at the fourth try")
		}
		return 0, nil
	}, func(c *reconcile.Controller) {
		j = newJournal()
		c.Add("a")
		time.Sleep(time.Minute)
	})
	want := []time.Duration{0, 1 * time.Second, 3 * time.Second, 7 * time.Second, 11 * time.Second}
	got := j.of("a")
	if len(got) != len(want) {
		t.Fatalf("handled at %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("handled at %v, want %v", got, want)
		}
	}
}

func TestAnotherLookIsTakenWhenAsked(t *testing.T) {
	t.Parallel()
	var j *journal
	run(t, reconcile.Options{}, func(_ context.Context, key string) (time.Duration, error) {
		if j.note(key) < 3 {
			return 10 * time.Second, nil
		}
		return 0, nil
	}, func(c *reconcile.Controller) {
		j = newJournal()
		c.AddAfter("a", 5*time.Second)
		time.Sleep(time.Minute)
	})
	if got := j.of("a"); len(got) != 3 || got[0] != 5*time.Second || got[2] != 25*time.Second {
		t.Errorf("handled at %v, want at 5, 15 and 25 s", got)
	}
}

func TestAKeyIsHandledByOneWorkerAndAgainWhenAddedMeanwhile(t *testing.T) {
	t.Parallel()
	var j *journal
	var mu sync.Mutex
	atWork := map[string]int{}
	run(t, reconcile.Options{Workers: 4}, func(_ context.Context, key string) (time.Duration, error) {
		mu.Lock()
		if atWork[key]++; atWork[key] > 1 {
			t.Errorf("two workers handle %s", key)
		}
		mu.Unlock()
		j.note(key)
		time.Sleep(time.Second)
		mu.Lock()
		atWork[key]--
		mu.Unlock()
		return 0, nil
	}, func(c *reconcile.Controller) {
		j = newJournal()
		for range 5 {
			c.Add("a")
			c.Add("b")
		}
		time.Sleep(500 * time.Millisecond)
		for range 5 {
			c.Add("a")
		}
		time.Sleep(time.Minute)
	})
	if a, b := j.of("a"), j.of("b"); len(a) != 2 || len(b) != 1 || b[0] != 0 {
		t.Errorf("a was handled at %v, b at %v; want a twice, and b once beside it", a, b)
	}
}

func TestTheEndWaitsForHandlers(t *testing.T) {
	t.Parallel()
	finished := false
	run(t, reconcile.Options{}, func(ctx context.Context, _ string) (time.Duration, error) {
		<-ctx.Done()
		time.Sleep(time.Second)
		finished = true
		return 0, ctx.Err()
	}, func(c *reconcile.Controller) { c.Add("a") })
	if !finished {
		t.Error("run returned before its handler")
	}
}
