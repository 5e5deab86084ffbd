package api

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TestLargeParametersAreKeptApart gives a run a parameter of 10 MiB: what is stored
// and listed of it stays small, and a get shows all.
func TestLargeParametersAreKeptApart(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	long := strings.Repeat("x", 10<<20)
	run := f.start(t, func(r *pipelinev1.Run) { r.RuntimeConfig.Parameters["name"] = structpb.NewStringValue(long) })
	id := run.GetRunId()
	shows := func(what string, run *pipelinev1.Run) {
		t.Helper()
		if got := run.GetRuntimeConfig().GetParameters()["name"].GetStringValue(); got != long {
			t.Errorf("%s shows a parameter of %d bytes", what, len(got))
		}
	}
	shows("the answer", run)
	item := must(f.state.Runs.Get(t.Context(), id))(t)
	if size := proto.Size(item.Value); size > 4<<10 {
		t.Errorf("%d bytes are stored", size)
	}
	get := &pipelinev1.GetRunRequest{RunId: id}
	shows("a get", must(f.GetRun(t.Context(), get))(t))
	f.finish(t, id, pipelinev1.RuntimeState_FAILED)
	shows("a get from the archive", must(f.GetRun(t.Context(), get))(t))
	if listed := must(f.ListRuns(t.Context(), &pipelinev1.ListRunsRequest{}))(t); proto.Size(listed) > 4<<10 {
		t.Errorf("a list of one run takes %d bytes", proto.Size(listed))
	}
	must(f.DeleteRun(t.Context(), &pipelinev1.DeleteRunRequest{RunId: id}))(t)
	if left := must(f.bucket.Exists(t.Context(), state.ParametersBlob(id)))(t); left {
		t.Error("the parameters of a deleted run are left")
	}
}
