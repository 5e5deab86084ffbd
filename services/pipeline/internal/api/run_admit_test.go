package api

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// gated is a backend whose commits wait at a gate, and are counted.
type gated struct {
	store.Backend
	gate    chan struct{}
	commits atomic.Int32
	err     error
}

func (g *gated) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	<-g.gate
	g.commits.Add(1)
	if g.err != nil {
		return 0, g.err
	}
	return g.Backend.Commit(ctx, ops...)
}

// hall is an admission over memory, with the experiment "e" in it.
func hall(t *testing.T) (*admission, *gated) {
	t.Helper()
	backend := &gated{Backend: store.NewMemory(), gate: make(chan struct{}, 1000)}
	s := state.New(backend)
	backend.gate <- struct{}{}
	if _, err := s.Experiments.Create(t.Context(), "e", &pipelinev1.Experiment{ExperimentId: "e"}); err != nil {
		t.Fatal(err)
	}
	backend.commits.Store(0)
	return newAdmission(s), backend
}

func newcomerOf(experiment string, i int) *pipelinev1.RunState {
	return &pipelinev1.RunState{Run: &pipelinev1.Run{
		RunId: fmt.Sprintf("run-%d", i), ExperimentId: experiment, CreatedAt: &timestamppb.Timestamp{Seconds: int64(i)},
	}}
}

// crowd admits runs at once, with the gate open, and returns what each was
// answered.
func crowd(t *testing.T, a *admission, backend *gated, runs []*pipelinev1.RunState) []error {
	t.Helper()
	answers := make([]error, len(runs))
	var entered sync.WaitGroup
	for i, run := range runs {
		entered.Go(func() { answers[i] = a.admit(t.Context(), run) })
	}
	for range runs {
		backend.gate <- struct{}{}
	}
	entered.Wait()
	return answers
}

func TestAdmitStoresEveryRunOnce(t *testing.T) {
	a, backend := hall(t)
	var runs []*pipelinev1.RunState
	for i := range 200 {
		runs = append(runs, newcomerOf("e", i))
	}
	for i, err := range crowd(t, a, backend, runs) {
		if err != nil {
			t.Errorf("run %d: %v", i, err)
		}
	}
	stored, _, err := a.state.Runs.List(t.Context(), "")
	if err != nil || len(stored) != len(runs) {
		t.Errorf("%d of %d runs are stored: %v", len(stored), len(runs), err)
	}
	experiment, err := a.state.Experiments.Get(t.Context(), "e")
	if got := experiment.Value.GetLastRunCreatedAt().GetSeconds(); err != nil || got != 199 {
		t.Errorf("the last run was made at %d (%v), want 199", got, err)
	}
}

func TestAdmitStoresThoseWhoWaitTogether(t *testing.T) {
	a, backend := hall(t)
	a.turn <- struct{}{} // somebody stores
	var calls sync.WaitGroup
	for i := range 30 {
		calls.Go(func() {
			if err := a.admit(t.Context(), newcomerOf("e", i)); err != nil {
				t.Error(err)
			}
		})
	}
	for len(waiting(a)) < 30 {
		runtime.Gosched()
	}
	backend.gate <- struct{}{}
	<-a.turn
	calls.Wait()
	if n := backend.commits.Load(); n != 1 {
		t.Errorf("%d commits, want 1", n)
	}
}

func TestAdmitAnswersEachForItself(t *testing.T) {
	a, backend := hall(t)
	answers := crowd(t, a, backend, []*pipelinev1.RunState{newcomerOf("e", 1), newcomerOf("gone", 2), newcomerOf("e", 3)})
	if answers[0] != nil || answers[2] != nil || !fault.Is(answers[1], fault.Conflict) {
		t.Errorf("answers %v, want a conflict for the run whose experiment is gone", answers)
	}
}

func TestAdmitTellsAllOfAFailure(t *testing.T) {
	a, backend := hall(t)
	backend.err = errors.New("the disk is full")
	for i, err := range crowd(t, a, backend, []*pipelinev1.RunState{newcomerOf("e", 1), newcomerOf("e", 2)}) {
		if !errors.Is(err, backend.err) {
			t.Errorf("run %d: %v", i, err)
		}
	}
}

func TestAdmitForgetsWhoGivesUp(t *testing.T) {
	a, _ := hall(t)
	a.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.admit(ctx, newcomerOf("e", 1)); !fault.Is(err, fault.Canceled) {
		t.Errorf("answer %v, want canceled", err)
	}
	if left := waiting(a); len(left) != 0 {
		t.Errorf("%d still wait", len(left))
	}
}

func waiting(a *admission) []*newcomer {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.waiting
}
