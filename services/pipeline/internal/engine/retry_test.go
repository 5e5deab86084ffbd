package engine_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// retry makes an archived run live again, as the API does.
func (w *world) retry(id string) {
	w.t.Helper()
	run := w.archived(id).GetState()
	state.Retry(run, time.Now())
	run.Restoring = true
	if _, err := w.state.Runs.Create(context.Background(), id, run); err != nil {
		w.t.Fatal(err)
	}
}

// flaky makes every step whose name starts with "bad" fail until it is mended.
func flaky(mended *atomic.Bool) func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
	return func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if strings.HasPrefix(workload.GetMetadata().GetAnnotations()["kfmesh.dev/task-path"], "bad") && !mended.Load() {
			return exited(1)
		}
		return obey(workload)
	}
}

// badLuck is a pipeline of which one step fails at first: s0, bad, s2 one after
// the other, and beside.
func badLuck() string {
	p := newPipeline()
	p.step("s0", "ok")
	p.step("bad", "ok", "s0")
	p.step("s2", "ok", "bad")
	p.step("beside", "ok")
	return p.spec()
}

func TestRetryRunsAgainWhatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mended atomic.Bool
	w.agent.program = flaky(&mended)
	w.start()
	id := w.create(badLuck(), nil)
	if got := w.archived(id).GetState().GetRun().GetState(); got != stateFailed {
		t.Fatalf("the run is %s at first", got)
	}
	mended.Store(true)
	w.retry(id)
	run := w.archived(id)
	if got := run.GetState(); got.GetRun().GetState() != stateSucceeded || got.GetRetries() != 1 || got.GetRestoring() {
		t.Errorf("the run ended as %v", got)
	}
	var history []string
	for _, s := range run.GetState().GetRun().GetStateHistory() {
		history = append(history, s.GetState().String())
	}
	if want := []string{"RUNNING", "FAILED", "RUNNING", "SUCCEEDED"}; !slices.Equal(history, want) {
		t.Errorf("it went through %q; want %q", history, want)
	}
	for path, want := range map[string]int32{"s0": 1, "bad": 2, "s2": 1, "beside": 1} {
		if got := task(t, run, path); got.GetAttempts() != want || got.GetDetail().GetState() != stateSucceeded {
			t.Errorf("%s is %s after %d attempts; want %d", path, got.GetDetail().GetState(), got.GetAttempts(), want)
		}
	}
	if got := task(t, run, "s0").GetOutputParameters().AsMap()["out"]; got != "s0" {
		t.Errorf("s0 made %v", got)
	}
	if got := w.books.states()["bad"]; got != metadatav1.Execution_STATE_COMPLETE {
		t.Errorf("the execution of bad is %s", got)
	}
	w.checkStarts(5)
}

// TestRetryAtTheMomentOfArchiving: a run may be retried before it has left the
// store, and goes on all the same.
func TestRetryAtTheMomentOfArchiving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mended atomic.Bool
	w.agent.program = flaky(&mended)
	id := w.create(badLuck(), nil)
	w.books.archiving = sync.OnceFunc(func() {
		mended.Store(true)
		w.ask(id, func(r *pipelinev1.RunState) { state.Retry(r, time.Now()) })
	})
	w.start()
	run := w.archived(id)
	if got := run.GetState().GetRun().GetState(); got != stateSucceeded {
		t.Errorf("the run is %s", got)
	}
	w.checkStarts(5)
}

// TestRetryOutrunByADelete: a retry of a run whose record has gone meanwhile must
// not run its steps from the beginning.
func TestRetryOutrunByADelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = flaky(new(atomic.Bool))
	w.start()
	id := w.create(badLuck(), nil)
	w.archived(id)
	w.stop()
	w.retry(id)
	w.books.forget(id)
	w.start()
	w.eventually("the run is gone", func() bool { return w.gone(id) })
	w.checkStarts(3)
}

// TestRetrySurvivesAnyCrash cuts the engine off before each write of a retry in
// turn, to the store or to the archive, and starts another.
func TestRetrySurvivesAnyCrash(t *testing.T) {
	t.Parallel()
	for last := 0; ; last++ {
		reached := make(chan bool, 1)
		t.Run(fmt.Sprint(last), func(t *testing.T) {
			w := newWorld(t)
			var mended atomic.Bool
			w.agent.program = flaky(&mended)
			w.start()
			id := w.create(badLuck(), nil)
			w.archived(id)
			w.stop()
			mended.Store(true)
			w.retry(id)
			reached <- w.startAndCut(id, last)
			w.start()
			run := w.archived(id)
			if got := run.GetState(); got.GetRun().GetState() != stateSucceeded || got.GetRetries() != 1 {
				t.Errorf("the run ended as %v", got)
			}
			if got := len(run.GetTasks()); got != 5 {
				t.Errorf("the archive has %d tasks", got)
			}
			w.checkStarts(5)
		})
		if t.Failed() || !<-reached {
			if last < 6 {
				t.Errorf("only %d writes: the test tests little", last)
			}
			return
		}
	}
}

// startAndCut runs an engine whose writes fail after the last one, until it has
// come to that or the run has ended, and reports whether it came to that.
func (w *world) startAndCut(id string, last int) bool {
	w.t.Helper()
	var writes atomic.Int64
	full := make(chan struct{})
	cut := sync.OnceFunc(func() { close(full) })
	refuse := func() error {
		if writes.Add(1) > int64(last) {
			cut()
			return fault.Unavailablef("cut off")
		}
		return nil
	}
	whole := w.state
	w.state = state.New(cutOff{Memory: w.store, refuse: refuse})
	w.books.refuse = refuse
	w.start()
	ended := make(chan struct{})
	stopWaiting := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			if _, err := whole.Runs.Get(context.Background(), id); fault.Is(err, fault.NotFound) {
				return
			}
			select {
			case <-tick.C:
			case <-stopWaiting:
				return
			}
		}
	}()
	came := false
	select {
	case <-full:
		came = true
	case <-ended:
	}
	close(stopWaiting)
	<-ended
	w.stop()
	w.state, w.books.refuse = whole, nil
	return came
}

// cutOff is a store whose commits may be refused.
type cutOff struct {
	*store.Memory
	refuse func() error
}

func (c cutOff) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	if err := c.refuse(); err != nil {
		return 0, err
	}
	return c.Memory.Commit(ctx, ops...)
}

// checkStarts checks that so many workloads were started, each once.
func (w *world) checkStarts(want int) {
	w.t.Helper()
	starts := w.agent.starts()
	if len(starts) != want {
		w.t.Errorf("%d workloads were started, want %d: %v", len(starts), want, starts)
	}
	for name, n := range starts {
		if n != 1 {
			w.t.Errorf("%s was started %d times", name, n)
		}
	}
}
