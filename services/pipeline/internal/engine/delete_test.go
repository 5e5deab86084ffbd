package engine_test

import (
	"context"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// TestDeleteCondemnsArtifacts deletes a finished run with its artifacts, cut off at
// any write: in the end the run is gone, its record too, and its artifacts are
// condemned.
func TestDeleteCondemnsArtifacts(t *testing.T) {
	t.Parallel()
	for last := 0; last < 4; last++ {
		w := newWorld(t)
		w.agent.program = obey
		w.start()
		id := w.create(chain(2), nil)
		run := w.archived(id).GetState()
		w.stop()
		run.DeleteRequested, run.DeleteArtifacts = true, true
		if _, err := w.state.Runs.Create(context.Background(), id, run); err != nil {
			t.Fatal(err)
		}
		w.startAndCut(id, last)
		w.start()
		w.eventually("the run is gone", func() bool { return w.gone(id) })
		if w.books.record(id) != nil {
			t.Error("the archive has it still")
		}
		condemned, err := w.state.Condemned.Get(t.Context(), id)
		if err != nil || condemned.Value.GetPlace() != "test/"+id {
			t.Errorf("condemned is %v, %v", condemned.Value, err)
		}
		w.stop()
	}
}

func TestDeleteOfALiveRunCondemnsArtifacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("long", "sleep")
	w.start()
	id := w.create(p.spec(), nil)
	w.workload("long")
	w.ask(id, func(r *pipelinev1.RunState) { r.DeleteRequested, r.DeleteArtifacts = true, true })
	w.eventually("the run is gone", func() bool { return w.gone(id) })
	if _, err := w.state.Condemned.Get(t.Context(), id); err != nil {
		t.Error(err)
	}
}
