package api

import (
	"fmt"
	"testing"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TestListRunsMergesLiveAndArchive walks pages of every size over runs of which
// every other one has finished.
func TestListRunsMergesLiveAndArchive(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	const n = 9
	for i := range n {
		run := f.start(t, func(r *pipelinev1.Run) { r.DisplayName = fmt.Sprint(i) })
		if i%2 == 0 {
			f.finish(t, run.GetRunId(), pipelinev1.RuntimeState_SUCCEEDED)
		}
	}
	for sortBy, want := range map[string]string{
		"": "0 1 2 3 4 5 6 7 8", "created_at desc": "8 7 6 5 4 3 2 1 0", "name desc": "8 7 6 5 4 3 2 1 0", "display_name": "0 1 2 3 4 5 6 7 8",
	} {
		for size := int32(1); size <= n+1; size++ {
			var all []*pipelinev1.Run
			r := &pipelinev1.ListRunsRequest{PageSize: size, SortBy: sortBy}
			for {
				page := must(f.ListRuns(t.Context(), r))(t)
				if page.GetTotalSize() != n || len(page.GetRuns()) > int(size) {
					t.Fatalf("a page of %d has %d runs, of %d", size, len(page.GetRuns()), page.GetTotalSize())
				}
				all = append(all, page.GetRuns()...)
				if r.PageToken = page.GetNextPageToken(); r.PageToken == "" {
					break
				}
			}
			if got := ids(all, (*pipelinev1.Run).GetDisplayName); got != want {
				t.Errorf("pages of %d by %q: %s", size, sortBy, got)
			}
		}
	}
}

func TestListRunsFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	e := f.experiment(t, "baseline")
	in := func(r *pipelinev1.Run) { r.ExperimentId = e.GetExperimentId() }
	live, finished, other := f.start(t, in), f.start(t, in), f.start(t, nil)
	f.finish(t, finished.GetRunId(), pipelinev1.RuntimeState_FAILED)
	for name, test := range map[string]struct {
		request *pipelinev1.ListRunsRequest
		want    []*pipelinev1.Run
	}{
		"experiment":         {&pipelinev1.ListRunsRequest{ExperimentId: e.GetExperimentId()}, []*pipelinev1.Run{live, finished}},
		"namespace":          {&pipelinev1.ListRunsRequest{Namespace: "kubeflow"}, []*pipelinev1.Run{live, finished, other}},
		"another namespace":  {&pipelinev1.ListRunsRequest{Namespace: "other"}, nil},
		"id":                 {&pipelinev1.ListRunsRequest{Filter: filter("run_id", metav1.Predicate_EQUALS, finished.GetRunId())}, []*pipelinev1.Run{finished}},
		"state":              {&pipelinev1.ListRunsRequest{Filter: filter("state", metav1.Predicate_EQUALS, "PENDING")}, []*pipelinev1.Run{live, other}},
		"status, of archive": {&pipelinev1.ListRunsRequest{Filter: filter("status", metav1.Predicate_EQUALS, "FAILED")}, []*pipelinev1.Run{finished}},
		"not finished":       {&pipelinev1.ListRunsRequest{Filter: filter("finished_at", metav1.Predicate_EQUALS, "1970-01-01T00:00:00Z"), ExperimentId: other.GetExperimentId()}, []*pipelinev1.Run{other}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(f.ListRuns(t.Context(), test.request))(t)
			if g, w := ids(got.GetRuns(), (*pipelinev1.Run).GetRunId), ids(test.want, (*pipelinev1.Run).GetRunId); sorted(g) != sorted(w) || int(got.GetTotalSize()) != len(test.want) {
				t.Errorf("got %q of %d, want %q", g, got.GetTotalSize(), w)
			}
		})
	}
}

func TestListRunsRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for mention, r := range map[string]*pipelinev1.ListRunsRequest{
		"page_size":                {PageSize: -1},
		"page_token":               {PageToken: "x"},
		"sort_by":                  {SortBy: "colour"},
		"filter.predicates[0].key": {Filter: filter("colour", metav1.Predicate_EQUALS, "red")},
		"namespace":                {Namespace: "/"},
	} {
		_, err := f.ListRuns(t.Context(), r)
		wantFault(t, err, fault.Invalid, mention+": ")
	}
}

// TestRunInBothPlaces is about the moment between the archiving of a run and the
// deletion of its keys.
func TestRunInBothPlaces(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	run := f.start(t, nil)
	f.set(t, run.GetRunId(), func(r *pipelinev1.RunState) { r.Run.State = pipelinev1.RuntimeState_SUCCEEDED })
	list := func() *pipelinev1.ListRunsResponse {
		return must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{}))(t)
	}
	if before := list(); before.GetTotalSize() != 1 || len(before.GetRuns()) != 1 {
		t.Errorf("before it is archived: %v", before)
	}
	stored := must(f.state.Runs.Get(t.Context(), run.GetRunId()))(t).Value
	f.archive.put(must(state.Record(stored, []*pipelinev1.Task{task("t1", "", "", pipelinev1.RuntimeState_SUCCEEDED)}))(t))
	if between := list(); between.GetTotalSize() != 1 || len(between.GetRuns()) != 1 {
		t.Errorf("in both places: %v", between)
	}
	got := must(f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: run.GetRunId()}))(t)
	if len(got.GetRunDetails().GetTaskDetails()) != 1 {
		t.Errorf("the archive has the last word, but got %v", got)
	}
}
