package engine_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TestALoopOverMegabytes runs a loop over a list of megabytes, whose items are too
// large for a record too. No value that is stored exceeds the limit, and records say
// what they left out.
func TestALoopOverMegabytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = obey
	var largest atomic.Int64
	w.state = state.New(watched{Memory: w.store, before: func(op store.Op) {
		largest.Store(max(largest.Load(), int64(len(op.Value))))
	}})
	const count, size = 6, 300 << 10
	items := make([]any, count)
	for i := range items {
		items[i] = strings.Repeat(string(rune('a'+i%26)), size)
	}
	p := newPipeline()
	p.inputs = m{"list": m{"parameterType": "LIST"}}
	loop := p.step("loop", "ok")
	loop["inputs"] = m{"parameters": m{"list": m{"componentInputParameter": "list"}}}
	loop["parameterIterator"] = m{"itemInput": "item", "items": m{"inputParameter": "list"}}
	p.component("loop")["inputDefinitions"] = m{"parameters": m{"list": m{"parameterType": "LIST"}, "item": m{"parameterType": "STRING"}}}
	w.start()
	id := w.create(p.spec(), m{"list": items})
	run := w.archived(id)
	if got := run.GetState().GetRun(); got.GetState() != stateSucceeded {
		t.Fatalf("the run is %s: %s", got.GetState(), got.GetError().GetMessage())
	}
	if got := largest.Load(); got > store.MaxValueBytes {
		t.Errorf("a value of %d bytes was written", got)
	}
	root := task(t, run, "")
	if root.GetInputParameters() != nil || len(root.GetWarnings()) != 1 || !strings.Contains(root.GetWarnings()[0], "its inputs take") {
		t.Errorf("the root warns of %q", root.GetWarnings())
	}
	if size := proto.Size(&pipelinev1.ArchivedRun{State: run.GetState()}); size > 4<<10 {
		t.Errorf("the run itself takes %d bytes", size)
	}
	if got := len(run.GetTasks()); got != count+2 {
		t.Errorf("%d tasks", got)
	}
}
