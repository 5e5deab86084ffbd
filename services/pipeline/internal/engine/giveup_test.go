package engine_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TestWhatCannotBeStoredFailsItsRun has the store refuse a record for good: its run
// fails and says why, nothing of it goes on, and other runs do.
func TestWhatCannotBeStoredFailsItsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("quick", "ok")
	p.step("cursed", "sleep", "quick")
	id := w.create(p.spec(), nil)
	w.state = state.New(cursed{Memory: w.store})
	w.start()
	run := w.archived(id)
	if got := run.GetState().GetRun(); got.GetState() != stateFailed || !strings.Contains(got.GetError().GetMessage(), "larger than the store accepts") {
		t.Errorf("the run is %s: %s", got.GetState(), got.GetError().GetMessage())
	}
	for _, task := range run.GetTasks() {
		if !state.Terminal(task.GetDetail().GetState()) {
			t.Errorf("%q is %s", task.GetPath(), task.GetDetail().GetState())
		}
	}
	w.eventually("the workloads are deleted", func() bool { return len(w.agent.names()) == 0 })
	if other := w.archived(w.create(chain(2), nil)); other.GetState().GetRun().GetState() != stateSucceeded {
		t.Errorf("another run is %s", other.GetState().GetRun().GetState())
	}
}

// cursed is a store that refuses the record of a task that runs, by its name.
type cursed struct{ *store.Memory }

func (c cursed) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	for _, op := range ops {
		task := &pipelinev1.Task{}
		if strings.Contains(op.Key, "/tasks/") && proto.Unmarshal(op.Value, task) == nil && task.GetName() == "cursed" && task.GetAttempts() > 0 {
			return 0, fault.Exhaustedf("the commit is larger than the store accepts")
		}
	}
	return c.Memory.Commit(ctx, ops...)
}
