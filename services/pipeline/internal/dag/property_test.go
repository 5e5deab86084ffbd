package dag

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// TestAnyOrderEndsAlike runs random pipelines with attempts ending in random
// order, records saved at random times and crashes in between. However it goes,
// every task ends as it does when all goes smoothly, and no attempt starts twice.
func TestAnyOrderEndsAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		spec := drawSpec(t)
		answer := answers(rapid.Uint64().Draw(t, "seed"))
		smooth := newWorld(spec, nil, answer)
		want := smooth.run(t)

		rough := newWorld(spec, nil, answer)
		rough.start(t)
		for rough.done == nil {
			step(t, rough, false)
		}
		rough.checkEnd(t)
		if rough.done.State != want.State {
			t.Fatalf("run ended %v; want %v", rough.done, want)
		}
		if got, want := rough.states(), smooth.states(); !maps.Equal(got, want) {
			t.Fatalf("tasks ended\n%v\nwant\n%v", got, want)
		}
		if got, want := rough.launches(), smooth.launches(); !sameElements(got, want) {
			t.Fatalf("launched %v; want %v", got, want)
		}
	})
}

// TestCancelEnds cancels random pipelines at a random time, with crashes before
// and after: every task ends, and nothing starts after the cancel.
func TestCancelEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(drawSpec(t), nil, answers(rapid.Uint64().Draw(t, "seed")))
		w.start(t)
		for range rapid.IntRange(0, 10).Draw(t, "steps before") {
			if w.done == nil {
				step(t, w, false)
			}
		}
		if w.done != nil {
			return
		}
		started := len(w.order)
		w.absorb(t, w.plan.Cancel(w.tick()))
		for w.done == nil {
			step(t, w, true)
		}
		w.checkEnd(t)
		if w.done.State != pipelinev1.RuntimeState_CANCELED {
			t.Fatalf("canceled run ended %v", w.done)
		}
		if len(w.order) > started {
			t.Fatalf("%q started after the cancel", w.order[started].Path)
		}
	})
}

// step lets one thing happen.
func step(t *rapid.T, w *world, canceled bool) {
	switch what := rapid.IntRange(0, 9).Draw(t, "what"); {
	case what == 0:
		w.crash(t, canceled)
	case what <= 3 && len(w.dirty) > 0:
		w.save(rapid.IntRange(1, len(w.dirty)).Draw(t, "saved"))
	case len(w.pending) > 0:
		w.finish(t, rapid.IntRange(0, len(w.pending)-1).Draw(t, "finished"))
	case w.done == nil:
		t.Fatalf("nothing runs and the run has not ended: %v", w.states())
	}
}

// answers returns how attempts end: each fails or succeeds as the seed has it,
// with a list that a loop may run over.
func answers(seed uint64) func(Launch) Result {
	return func(l Launch) Result {
		h := fnv.New64a()
		fmt.Fprint(h, seed, l.Path, l.Number)
		r := h.Sum64()
		if r%5 == 0 {
			return Result{Verdict: Failed, ExitCode: 1, Message: "exit status 1"}
		}
		list := []any{}
		for i := range (r >> 8) % 4 {
			list = append(list, fmt.Sprint(l.Path, i))
		}
		return Result{Verdict: Succeeded, Outputs: ir.Values{
			Parameters: map[string]any{"out": list},
			Artifacts:  map[string][]ir.Artifact{"model": {{Name: "model", URI: "/" + l.Path, UID: l.TaskID}}},
		}}
	}
}

// drawSpec makes a pipeline of nested DAGs and loops with random dependencies.
// Every task makes the parameter "out" and the artifact "model".
func drawSpec(t *rapid.T) *ir.Spec {
	s := &ir.Spec{
		Components:     map[string]ir.Component{"leaf": leafComponent()},
		DeploymentSpec: ir.DeploymentSpec{Executors: map[string]ir.Executor{"exec": {Container: &ir.Container{}}}},
	}
	s.Root = drawDAG(t, s, "root", 2)
	return s
}

func leafComponent() ir.Component {
	c := ir.Component{ExecutorLabel: "exec"}
	declareIO(&c)
	return c
}

func declareIO(c *ir.Component) {
	c.InputDefinitions.Parameters = map[string]ir.ParameterDef{"in": {ParameterType: ir.List, IsOptional: true}}
	c.OutputDefinitions.Parameters = map[string]ir.ParameterDef{"out": {ParameterType: ir.List}}
	c.OutputDefinitions.Artifacts = map[string]ir.ArtifactDef{"model": {}}
}

func drawDAG(t *rapid.T, s *ir.Spec, name string, depth int) ir.Component {
	dag := &ir.DAG{Tasks: map[string]ir.Task{}}
	count := rapid.IntRange(0, 5).Draw(t, name+" tasks")
	for i := range count {
		dag.Tasks[fmt.Sprintf("t%d", i)] = drawTask(t, s, fmt.Sprintf("%s-t%d", name, i), i, depth)
	}
	if count > 0 {
		last := fmt.Sprintf("t%d", count-1)
		dag.Outputs = ir.DAGOutputs{
			Parameters: map[string]ir.DAGParameterOutput{"out": {ValueFromParameter: &ir.OutputSelector{ProducerSubtask: last, OutputParameterKey: "out"}}},
			Artifacts:  map[string]ir.DAGArtifactOutput{"model": {ArtifactSelectors: []ir.OutputSelector{{ProducerSubtask: last, OutputArtifactKey: "model"}}}},
		}
	}
	c := ir.Component{DAG: dag}
	declareIO(&c)
	return c
}

func drawTask(t *rapid.T, s *ir.Spec, name string, index, depth int) ir.Task {
	var task ir.Task
	task.ComponentRef.Name = "leaf"
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, name+" nested") == 0 {
		task.ComponentRef.Name = "comp-" + name
		s.Components["comp-"+name] = drawDAG(t, s, name, depth-1)
	}
	for up := range index {
		if rapid.IntRange(0, 2).Draw(t, name+" depends") == 0 {
			task.DependentTasks = append(task.DependentTasks, fmt.Sprintf("t%d", up))
		}
	}
	if len(task.DependentTasks) > 0 {
		drawWiring(t, &task, name)
	}
	if rapid.IntRange(0, 3).Draw(t, name+" retries") == 0 {
		task.RetryPolicy = &ir.RetryPolicy{MaxRetryCount: ir.Int(rapid.IntRange(1, 3).Draw(t, name+" retry count"))}
	}
	if rapid.IntRange(0, 2).Draw(t, name+" loops") == 0 {
		drawLoop(t, &task, name)
	}
	return task
}

func drawWiring(t *rapid.T, task *ir.Task, name string) {
	if rapid.Bool().Draw(t, name+" reads") {
		var in ir.ParameterInput
		in.TaskOutputParameter = &ir.TaskOutputParameter{ProducerTask: task.DependentTasks[0], OutputParameterKey: "out"}
		task.Inputs.Parameters = map[string]ir.ParameterInput{"in": in}
	}
	if rapid.IntRange(0, 3).Draw(t, name+" exit") == 0 {
		task.TriggerPolicy = &ir.TriggerPolicy{Strategy: ir.AllUpstreamCompleted}
	}
}

func drawLoop(t *rapid.T, task *ir.Task, name string) {
	it := &ir.ParameterIterator{ItemInput: "item"}
	if _, reads := task.Inputs.Parameters["in"]; reads && rapid.Bool().Draw(t, name+" over input") {
		it.Items.InputParameter = "in"
	} else {
		raw, _ := json.Marshal(rapid.SliceOfN(rapid.IntRange(0, 9), 0, 4).Draw(t, name+" items"))
		it.Items.Raw = string(raw)
	}
	task.ParameterIterator = it
	if limit := rapid.IntRange(0, 2).Draw(t, name+" limit"); limit > 0 {
		task.IteratorPolicy = &struct {
			ParallelismLimit ir.Int `json:"parallelismLimit"`
		}{ir.Int(limit)}
	}
}

func sameElements(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
