package api

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestRetryRun(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.start(t, nil).GetRunId()
	f.addTask(t, id, &pipelinev1.Task{Name: "greet", Detail: &pipelinev1.PipelineTaskDetail{RunId: id, TaskId: "t1"}})
	f.finish(t, id, pipelinev1.RuntimeState_FAILED)

	must(f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: id}))(t)
	run := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id}))(t)
	if run.GetState() != pipelinev1.RuntimeState_RUNNING || run.GetFinishedAt().AsTime().Unix() != 0 || run.GetError() != nil {
		t.Errorf("the run is %v", run)
	}
	if got := run.GetRunDetails().GetTaskDetails(); len(got) != 1 || got[0].GetTaskId() != "t1" {
		t.Errorf("while its tasks are in the archive it has %v", got)
	}
	item := must(f.state.Runs.Get(t.Context(), id))(t)
	if !item.Value.GetRestoring() || item.Value.GetRetries() != 1 {
		t.Errorf("it is stored as %v", item.Value)
	}
	_, err := f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: id})
	wantFault(t, err, fault.Precondition, "RUNNING")
}

func TestRetryRunBeforeItIsArchived(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.start(t, nil).GetRunId()
	f.set(t, id, func(r *pipelinev1.RunState) {
		r.CancelRequested, r.Run.State = true, pipelinev1.RuntimeState_CANCELED
	})
	must(f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: id}))(t)
	item := must(f.state.Runs.Get(t.Context(), id))(t)
	if got := item.Value; got.GetRestoring() || got.GetRetries() != 1 || got.GetCancelRequested() ||
		got.GetRun().GetState() != pipelinev1.RuntimeState_RUNNING {
		t.Errorf("it is stored as %v", got)
	}
}

func TestRetryRunRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	live, succeeded, deleted := f.start(t, nil).GetRunId(), f.start(t, nil).GetRunId(), f.start(t, nil).GetRunId()
	f.finish(t, succeeded, pipelinev1.RuntimeState_SUCCEEDED)
	must(f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: deleted}))(t)
	for name, test := range map[string]struct {
		id      string
		kind    fault.Kind
		mention string
	}{
		"live":      {live, fault.Precondition, "PENDING"},
		"succeeded": {succeeded, fault.Precondition, "nothing to retry"},
		"deleted":   {deleted, fault.NotFound, "there is no run"},
		"unknown":   {"nonsense", fault.NotFound, "there is no run"},
		"unnamed":   {"", fault.NotFound, "there is no run"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: test.id})
			wantFault(t, err, test.kind, test.mention)
		})
	}
}

// TestRetriedRunIsListedOnce: while its record is still in the archive, a run that
// was retried is what it is now, whatever is asked for.
func TestRetriedRunIsListedOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const n = 5
	for i := range n {
		id := f.start(t, func(r *pipelinev1.Run) { r.DisplayName = fmt.Sprint(i) }).GetRunId()
		f.finish(t, id, pipelinev1.RuntimeState_FAILED)
		if i%2 == 0 {
			must(f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: id}))(t)
		}
	}
	for state, want := range map[string]string{"": "0 1 2 3 4", "FAILED": "1 3", "RUNNING": "0 2 4"} {
		var all []*pipelinev1.Run
		r := &pipelinev1.ListRunsRequest{PageSize: 2}
		if state != "" {
			r.Filter = filter("state", metav1.Predicate_EQUALS, state)
		}
		for {
			page := must(f.ListRuns(t.Context(), r))(t)
			if got := int(page.GetTotalSize()); got != len(want)/2+1 {
				t.Errorf("%q: %d in all", state, got)
			}
			all = append(all, page.GetRuns()...)
			if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
				break
			}
		}
		if got := ids(all, (*pipelinev1.Run).GetDisplayName); got != want {
			t.Errorf("%q: %s", state, got)
		}
	}
}

// TestRunThatEndedAgainIsWhatItIsNow: an older record in the archive does not hide
// a run that has ended after a retry.
func TestRunThatEndedAgainIsWhatItIsNow(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.start(t, nil).GetRunId()
	f.finish(t, id, pipelinev1.RuntimeState_FAILED)
	must(f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: id}))(t)
	f.set(t, id, func(r *pipelinev1.RunState) { r.Run.State, r.Restoring = pipelinev1.RuntimeState_SUCCEEDED, false })
	got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id}))(t)
	if got.GetState() != pipelinev1.RuntimeState_SUCCEEDED {
		t.Errorf("the run is %s", got.GetState())
	}
}

// TestArchiveExperimentEnds though a run of it is both live and archived, whose
// record therefore stays as it is.
func TestArchiveExperimentEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "retried")
	in := func(r *pipelinev1.Run) { r.ExperimentId = e.GetExperimentId() }
	both, finished := f.start(t, in).GetRunId(), f.start(t, in).GetRunId()
	f.finish(t, both, pipelinev1.RuntimeState_FAILED)
	f.finish(t, finished, pipelinev1.RuntimeState_FAILED)
	must(f.RetryRun(t.Context(), &pipelinev1.RetryRunRequest{RunId: both}))(t)
	must(f.ArchiveExperiment(t.Context(), &pipelinev1.ArchiveExperimentRequest{ExperimentId: e.GetExperimentId()}))(t)
	for _, id := range []string{both, finished} {
		run := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id}))(t)
		if run.GetStorageState() != pipelinev1.Run_ARCHIVED {
			t.Errorf("run %s is %s", id, run.GetStorageState())
		}
	}
}

func TestGetRunSpec(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_FAILED)
	got := must(f.GetRunSpec(t.Context(), &pipelinev1.GetRunSpecRequest{RunId: run.GetRunId()}))(t)
	if !proto.Equal(got, run.GetPipelineSpec()) {
		t.Errorf("the spec is %v", got)
	}
	_, err := f.GetRunSpec(t.Context(), &pipelinev1.GetRunSpecRequest{RunId: "nonsense"})
	wantFault(t, err, fault.NotFound, "there is no run")
}
