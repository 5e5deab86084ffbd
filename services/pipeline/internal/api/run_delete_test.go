package api

import (
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// TestDeleteRunWithArtifacts: the engine is to delete the run wherever it is, which
// is out of sight at once.
func TestDeleteRunWithArtifacts(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*fixture, string){
		"live":     func(*fixture, string) {},
		"finished": func(f *fixture, id string) { f.finish(t, id, pipelinev1.RuntimeState_SUCCEEDED) },
	} {
		f := newFixture(t)
		id := f.start(t, nil).GetRunId()
		prepare(f, id)
		must(f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: id, DeleteArtifacts: true}))(t)
		item := must(f.state.Runs.Get(t.Context(), id))(t)
		if !item.Value.GetDeleteRequested() || !item.Value.GetDeleteArtifacts() {
			t.Errorf("%s: it is stored as %v", name, item.Value)
		}
		_, err := f.GetRun(t.Context(), &pipelinev1.GetRunRequest{RunId: id})
		wantFault(t, err, fault.NotFound, "there is no run")
		if page := must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{}))(t); page.GetTotalSize() != 0 {
			t.Errorf("%s: it is still listed: %v", name, page)
		}
		_, err = f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: id, DeleteArtifacts: true})
		wantFault(t, err, fault.NotFound, "there is no run")
	}
}

func TestDeleteRunWithArtifactsElsewhere(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id := f.start(t, func(r *pipelinev1.Run) { r.RuntimeConfig.PipelineRoot = "/shared/all" }).GetRunId()
	f.finish(t, id, pipelinev1.RuntimeState_SUCCEEDED)
	_, err := f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: id, DeleteArtifacts: true})
	wantFault(t, err, fault.Precondition, "/shared/all")
	must(f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: id}))(t)
}
