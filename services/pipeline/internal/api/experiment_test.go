package api

import (
	"sync"
	"testing"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func (f *fixture) experiment(t *testing.T, name string) *pipelinev1.Experiment {
	t.Helper()
	return must(f.CreateExperiment(t.Context(), &pipelinev1.CreateExperimentRequest{
		Experiment: &pipelinev1.Experiment{DisplayName: name, Namespace: "kubeflow"},
	}))(t)
}

func TestExperiments(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "baseline")
	if e.GetNamespace() != "default" || e.GetStorageState() != pipelinev1.Experiment_AVAILABLE {
		t.Errorf("the experiment is %v", e)
	}
	_, err := f.CreateExperiment(t.Context(), &pipelinev1.CreateExperimentRequest{Experiment: &pipelinev1.Experiment{DisplayName: "baseline"}})
	wantFault(t, err, fault.AlreadyExists, "baseline")
	_, err = f.CreateExperiment(t.Context(), &pipelinev1.CreateExperimentRequest{})
	wantFault(t, err, fault.Invalid, "display_name")

	found := must(f.ListExperiments(t.Context(), &pipelinev1.ListExperimentsRequest{
		Filter: filter("display_name", metav1.Predicate_EQUALS, "baseline"),
	}))(t)
	if len(found.GetExperiments()) != 1 || found.GetExperiments()[0].GetExperimentId() != e.GetExperimentId() {
		t.Errorf("found %v", found)
	}
	must(f.DeleteExperiment(t.Context(), &pipelinev1.DeleteExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	_, err = f.GetExperiment(t.Context(), &pipelinev1.GetExperimentRequest{ExperimentId: e.GetExperimentId()})
	wantFault(t, err, fault.NotFound, e.GetExperimentId())
	f.experiment(t, "baseline") // the name is free again
}

func TestArchiveExperimentTakesItsRuns(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "baseline")
	in := func(r *pipelinev1.Run) { r.ExperimentId = e.GetExperimentId() }
	live, finished, other := f.start(t, in), f.start(t, in), f.start(t, nil)
	f.finish(t, finished.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)

	must(f.ArchiveExperiment(t.Context(), &pipelinev1.ArchiveExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	for _, run := range []*pipelinev1.Run{live, finished} {
		got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: run.GetRunId()}))(t)
		if got.GetStorageState() != pipelinev1.Run_ARCHIVED {
			t.Errorf("run %s is %s", run.GetRunId(), got.GetStorageState())
		}
	}
	if got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: other.GetRunId()}))(t); got.GetStorageState() != pipelinev1.Run_AVAILABLE {
		t.Errorf("a run of another experiment is %s", got.GetStorageState())
	}
	asked := helloRun(t)
	in(asked)
	_, err := f.CreateRun(t.Context(), &pipelinev1.CreateRunRequest{Run: asked})
	wantFault(t, err, fault.Precondition, "archived")

	must(f.UnarchiveExperiment(t.Context(), &pipelinev1.UnarchiveExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	f.start(t, in)
	_, err = f.ArchiveExperiment(t.Context(), &pipelinev1.ArchiveExperimentRequest{ExperimentId: "x"})
	wantFault(t, err, fault.NotFound, `"x"`)
}

func TestDefaultExperimentIsMadeOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() { f.start(t, nil) })
	}
	workers.Wait()
	got := must(f.ListExperiments(t.Context(), &pipelinev1.ListExperimentsRequest{}))(t)
	if len(got.GetExperiments()) != 1 || got.GetExperiments()[0].GetDisplayName() != "Default" ||
		got.GetExperiments()[0].GetLastRunCreatedAt() == nil {
		t.Errorf("experiments are %v", got)
	}
	if runs := must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{}))(t); runs.GetTotalSize() != 8 {
		t.Errorf("there are %d runs", runs.GetTotalSize())
	}
}
