package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// hall is an admission over memory, with the experiment "e" in it.
func hall(t *testing.T) *admission {
	t.Helper()
	s := state.New(store.NewMemory())
	if _, err := s.Experiments.Create(t.Context(), "e", &pipelinev1.Experiment{ExperimentId: "e"}); err != nil {
		t.Fatal(err)
	}
	return newAdmission(s)
}

func newcomers(experiments ...string) []*pipelinev1.RunState {
	var runs []*pipelinev1.RunState
	for i, experiment := range experiments {
		runs = append(runs, &pipelinev1.RunState{Run: &pipelinev1.Run{
			RunId: fmt.Sprintf("run-%d", i), ExperimentId: experiment, CreatedAt: &timestamppb.Timestamp{Seconds: int64(i)},
		}})
	}
	return runs
}

func TestAdmitStoresEveryRun(t *testing.T) {
	a := hall(t)
	const runs = 200
	experiments := make([]string, runs)
	for i := range experiments {
		experiments[i] = "e"
	}
	var calls sync.WaitGroup
	for _, run := range newcomers(experiments...) {
		calls.Go(func() {
			if err := a.admit(t.Context(), run); err != nil {
				t.Errorf("%s: %v", run.GetRun().GetRunId(), err)
			}
		})
	}
	calls.Wait()
	stored, _, err := a.state.Runs.List(t.Context(), "")
	if err != nil || len(stored) != runs {
		t.Errorf("%d of %d runs are stored: %v", len(stored), runs, err)
	}
	experiment, err := a.state.Experiments.Get(t.Context(), "e")
	if got := experiment.Value.GetLastRunCreatedAt().GetSeconds(); err != nil || got != runs-1 {
		t.Errorf("the last run was made at %d (%v), want %d", got, err, runs-1)
	}
}

func TestAdmitAnswersEachForItself(t *testing.T) {
	a := hall(t)
	archived := &pipelinev1.Experiment{StorageState: pipelinev1.Experiment_ARCHIVED}
	if _, err := a.state.Experiments.Create(t.Context(), "archived", archived); err != nil {
		t.Fatal(err)
	}
	answers := a.storeAll(t.Context(), newcomers("e", "gone", "archived", "e"))
	if answers[0] != nil || answers[3] != nil || !fault.Is(answers[1], fault.Conflict) || !fault.Is(answers[2], fault.Conflict) {
		t.Errorf("answers %v, want conflicts for the runs whose experiments are gone or put away", answers)
	}
}

// full is a store that takes no commit.
type full struct{ store.Backend }

var errFull = errors.New("the disk is full")

func (full) Commit(context.Context, ...store.Op) (int64, error) { return 0, errFull }

func TestAdmitTellsAllOfAFailure(t *testing.T) {
	a := hall(t)
	a.state.Backend = full{a.state.Backend}
	for i, err := range a.storeAll(t.Context(), newcomers("e", "e")) {
		if !errors.Is(err, errFull) {
			t.Errorf("run %d: %v", i, err)
		}
	}
}
