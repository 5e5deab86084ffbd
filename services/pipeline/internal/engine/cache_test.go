package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// watched is a store that shows each operation before it is done.
type watched struct {
	*store.Memory
	before func(store.Op)
}

func (w watched) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	for _, op := range ops {
		w.before(op)
	}
	return w.Memory.Commit(ctx, ops...)
}

// TestCacheHitIsSavedBeforeWhatFollows: after a crash the cache may answer
// otherwise, and a step would then have run on inputs that never were.
func TestCacheHitIsSavedBeforeWhatFollows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	p.step("cached", "ok")["cachingOptions"] = m{"enableCache": true}
	p.step("after", "ok", "cached")
	w.start()
	w.archived(w.create(p.spec(), nil))
	w.stop()

	startsAtSave := -1
	w.state = state.New(watched{Memory: w.store, before: func(op store.Op) {
		task := &pipelinev1.Task{}
		if !strings.Contains(op.Key, "/tasks/") || proto.Unmarshal(op.Value, task) != nil {
			return
		}
		if startsAtSave < 0 && task.GetCachedFromRunId() != "" {
			startsAtSave = len(w.agent.starts())
		}
	}})
	w.told = w.state
	w.start()
	w.archived(w.create(p.spec(), nil))
	w.stop()
	if startsAtSave != 2 {
		t.Errorf("%d workloads had started when the hit was saved, want the 2 of the first run", startsAtSave)
	}
}

// TestEqualTasksAtOnce: tasks that compute the same and end together want one
// cache entry, which one commit can write once.
func TestEqualTasksAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	p := newPipeline()
	for i := range 20 {
		p.step(fmt.Sprintf("same-%d", i), "ok")["cachingOptions"] = m{"enableCache": true}
	}
	w.start()
	for path, got := range tasks(w.archived(w.create(p.spec(), nil))) {
		if got != pipelinev1.RuntimeState_SUCCEEDED {
			t.Errorf("task %q ended %v", path, got)
		}
	}
}
