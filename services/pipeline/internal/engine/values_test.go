package engine_test

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// echo is an agent's program for steps of the SDK's kind: each writes to its output
// parameter "out" its input parameter "in", or as many letters as its input "size"
// says. As a real agent does, it stores what is too large to come back.
func (w *world) echo() func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
	t, bucket := w.t, w.bucket
	return func(w *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		template := w.GetSpec().GetGroups()[0].GetTemplate()
		in := givenTo(t, template)
		out := in["in"]
		if size, is := in["size"].(float64); is {
			out = strings.Repeat("x", int(size))
		}
		if list, is := out.([]any); is && in["items"] != nil {
			out = list[0]
		}
		content, err := json.Marshal(map[string]any{"parameterValues": map[string]any{"out": out}})
		if err != nil {
			t.Error(err)
		}
		status := succeeded(nil)
		for _, r := range template.GetStaging().GetReturns() {
			if !strings.HasSuffix(r.GetPath(), "/executor_output.json") {
				continue
			}
			file := &gpuagentv1.ReturnedFile{Path: r.GetPath(), SizeBytes: int64(len(content)), Content: content}
			if int64(len(content)) > r.GetMaxBytes() {
				file.Content, file.TooLarge, file.StoredObject = nil, true, r.GetOverflowObject()
				if err := bucket.Put(context.Background(), r.GetOverflowObject(), content); err != nil {
					t.Error(err)
				}
			}
			status.Replicas[0].Files = append(status.Replicas[0].Files, file)
		}
		return status
	}
}

// givenTo are the input parameters of a step, from its argument or the file that the
// argument names.
func givenTo(t testing.TB, template *gpuagentv1.Template) map[string]any {
	args := template.GetArgs()
	given := []byte(args[slices.Index(args, "--executor_input")+1])
	if given[0] != '{' {
		if len(template.GetStaging().GetDownloads()) != 1 || !strings.HasSuffix(string(given), template.GetStaging().GetDownloads()[0].GetPath()) {
			t.Errorf("%s is not what is fetched: %v", given, template.GetStaging().GetDownloads())
		}
		var err error
		if given, err = os.ReadFile(template.GetStaging().GetDownloads()[0].GetUri()); err != nil {
			t.Error(err)
		}
	}
	var input struct {
		Inputs struct {
			ParameterValues map[string]any `json:"parameterValues"`
		} `json:"inputs"`
	}
	if err := json.Unmarshal(given, &input); err != nil {
		t.Error(err)
	}
	return input.Inputs.ParameterValues
}

// executorStep adds a step as the SDK compiles them, with inputs of the types.
func (p *pipeline) executorStep(name string, inputs m, types map[string]string, out string, upstream ...string) m {
	task := p.step(name, "image", upstream...)
	p.executors["exec-"+name] = m{"container": m{
		"image": "image", "command": []string{"python3", "-m", "kfp.dsl.executor_main"}, "args": []string{"--executor_input", "{{$}}"},
	}}
	definitions := m{}
	for input, kind := range types {
		definitions[input] = m{"parameterType": kind}
	}
	p.component(name)["inputDefinitions"] = m{"parameters": definitions}
	p.component(name)["outputDefinitions"] = m{"parameters": m{"out": m{"parameterType": out}}}
	task["inputs"] = m{"parameters": inputs}
	return task
}

func constant(value any) m { return m{"runtimeValue": m{"constant": value}} }

func outputOf(task string) m {
	return m{"taskOutputParameter": m{"producerTask": task, "outputParameterKey": "out"}}
}

// large is a pipeline that hands a text of a size on: as it is, into a condition,
// and through a loop that makes a list of it.
func large(size int) *pipeline {
	p := newPipeline()
	p.executorStep("make", m{"size": constant(size)}, map[string]string{"size": "NUMBER_INTEGER"}, "STRING")["cachingOptions"] = m{"enableCache": true}
	p.executorStep("pass", m{"in": outputOf("make")}, map[string]string{"in": "STRING"}, "STRING", "make")["cachingOptions"] = m{"enableCache": true}
	when := p.executorStep("when", m{"in": outputOf("make")}, map[string]string{"in": "STRING"}, "STRING", "make")
	when["triggerPolicy"] = m{"condition": "inputs.parameter_values['in'] != 'y'"}

	p.executorStep("inner", m{"in": m{"componentInputParameter": "text"}}, map[string]string{"in": "STRING"}, "STRING")
	inner := p.tasks["inner"]
	delete(p.tasks, "inner")
	p.tasks["loop"] = m{
		"taskInfo": m{"name": "loop"}, "componentRef": m{"name": "comp-loop"}, "dependentTasks": []string{"make"},
		"inputs":            m{"parameters": m{"text": outputOf("make")}},
		"parameterIterator": m{"itemInput": "item", "items": m{"raw": "[1, 2, 3]"}},
	}
	p.components["comp-loop"] = m{
		"dag": m{
			"tasks": m{"inner": inner},
			"outputs": m{"parameters": m{"out": m{
				"valueFromParameter": m{"producerSubtask": "inner", "outputParameterKey": "out"},
			}}},
		},
		"inputDefinitions":  m{"parameters": m{"text": m{"parameterType": "STRING"}, "item": m{"parameterType": "NUMBER_INTEGER"}}},
		"outputDefinitions": m{"parameters": m{"out": m{"parameterType": "LIST"}}},
	}
	p.executorStep("join", m{"in": outputOf("loop")}, map[string]string{"in": "LIST"}, "LIST", "loop")
	return p
}

func TestLargeValuesGoWhereSmallOnesGo(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	w := newWorld(t)
	var largest atomic.Int64
	w.state = state.New(watched{Memory: w.store, before: func(op store.Op) {
		largest.Store(max(largest.Load(), int64(len(op.Value))))
	}})
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if size := len(workload.String()); size > store.MaxValueBytes {
			t.Errorf("a workload takes %d bytes", size)
		}
		return w.echo()(workload)
	}
	w.start()
	id := w.create(large(size).spec(), nil)
	run := w.archived(id)
	if got := run.GetState().GetRun(); got.GetState() != stateSucceeded {
		t.Fatalf("the run is %s: %s", got.GetState(), got.GetError().GetMessage())
	}
	if got := largest.Load(); got > store.MaxValueBytes {
		t.Errorf("a value of %d bytes was written", got)
	}
	text := strings.Repeat("x", size)
	for _, path := range []string{"make", "pass", "when", "loop[2]/inner"} {
		if got := w.output(run, path); got != text {
			t.Errorf("%s made %.20v", path, got)
		}
	}
	if got := w.output(run, "join"); len(got.([]any)) != 3 || got.([]any)[2] != text {
		t.Errorf("join made %.60v", got)
	}
	if got := len(task(t, run, "loop").GetLargeOutputs()); got != 3 {
		t.Errorf("the record of the loop names %d large values", got)
	}
	if left := w.children(state.HandoverOf(id)); len(left) > 0 {
		t.Errorf("what was handed over is left: %v", left)
	}
	if kept := w.children(state.ValuesOf(id)); len(kept) != 2 {
		t.Errorf("%d values are kept, want a text and a list: %v", len(kept), kept)
	}
}

// output is the whole value that a task made.
func (w *world) output(run *pipelinev1.ArchivedRun, path string) any {
	w.t.Helper()
	apart := task(w.t, run, path).GetLargeOutputs()
	if len(apart) != 1 {
		w.t.Fatalf("%s made %d large values", path, len(apart))
	}
	value, err := state.LoadValue(context.Background(), w.bucket, run.GetState().GetRun().GetRunId(), apart[0].GetDigest())
	if err != nil {
		w.t.Fatal(err)
	}
	return value
}

func (w *world) children(key string) []string {
	var names []string
	for child, err := range w.bucket.Children(context.Background(), key) {
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, child.Name)
	}
	return names
}

func TestLargeValuesOutliveRestarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run := w.echo()
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if rand.IntN(2) == 0 {
			return nil // ends while no engine is there to see it
		}
		return run(workload)
	}
	id := w.create(large(300<<10).spec(), nil)
	for range 8 {
		w.start()
		pause := time.NewTimer(rand.N(40 * time.Millisecond))
		<-pause.C
		w.stop()
		w.endAll(run)
	}
	w.start()
	w.eventually("the run leaves the store", func() bool {
		w.endAll(run)
		return w.gone(id)
	})
	archived := w.archived(id)
	if got := archived.GetState().GetRun(); got.GetState() != stateSucceeded {
		t.Fatalf("the run is %s: %s", got.GetState(), got.GetError().GetMessage())
	}
	if got := w.output(archived, "join"); len(got.([]any)) != 3 {
		t.Errorf("join made %.60v", got)
	}
	for name, starts := range w.agent.starts() {
		if starts != 1 {
			t.Errorf("%s was started %d times", name, starts)
		}
	}
}

// endAll ends all workloads that run.
func (w *world) endAll(program func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus) {
	w.agent.mu.Lock()
	workloads := slices.Collect(maps.Values(w.agent.workloads))
	w.agent.mu.Unlock()
	for _, workload := range workloads {
		if workload.GetStatus().GetFinishTime() != nil {
			continue
		}
		status := program(workload)
		w.agent.mu.Lock()
		_, exists := w.agent.workloads[workload.GetMetadata().GetName()]
		w.agent.mu.Unlock()
		if exists {
			w.agent.end(workload.GetMetadata().GetName(), status)
		}
	}
}

func TestLargeValuesAreReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.agent.program = w.echo()
	w.start()
	spec := large(1 << 20).spec()
	first := w.archived(w.create(spec, nil))
	second := w.archived(w.create(spec, nil))
	from := func(run *pipelinev1.ArchivedRun, path string) string { return task(t, run, path).GetCachedFromRunId() }
	if id := first.GetState().GetRun().GetRunId(); from(second, "make") != id || from(second, "pass") != id {
		t.Errorf("reused from %q and %q, want %s", from(second, "make"), from(second, "pass"), id)
	}
	// What a run reuses is its own from then on, and what is gone is made anew.
	if err := w.bucket.RemoveTree(t.Context(), state.ValuesOf(first.GetState().GetRun().GetRunId())); err != nil {
		t.Fatal(err)
	}
	if got := w.output(second, "pass"); got != strings.Repeat("x", 1<<20) {
		t.Errorf("pass made %.20v", got)
	}
	third := w.archived(w.create(spec, nil))
	if got := third.GetState().GetRun().GetState(); got != stateSucceeded || from(third, "make") != "" {
		t.Errorf("the run is %s, and reused what is gone from %q", got, from(third, "make"))
	}
}

func TestAValueThatIsGoneFailsWhatReadsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newPipeline()
	p.executorStep("make", m{"size": constant(1 << 20)}, map[string]string{"size": "NUMBER_INTEGER"}, "STRING")
	p.executorStep("wait", m{"size": constant(3)}, map[string]string{"size": "NUMBER_INTEGER"}, "STRING", "make")
	p.executorStep("use", m{"in": outputOf("make")}, map[string]string{"in": "STRING"}, "STRING", "make", "wait")
	w.start()
	id := w.create(p.spec(), nil)
	w.end("make")
	w.workload("wait")
	if err := w.bucket.RemoveTree(t.Context(), state.ValuesOf(id)); err != nil {
		t.Fatal(err)
	}
	w.end("wait")
	if got := task(t, w.archived(id), "use").GetMessage(); !strings.Contains(got, "1024 KiB that an earlier task made is gone") {
		t.Errorf("it says %q", got)
	}
}

// end waits for the workload of a task, and ends it.
func (w *world) end(path string) {
	name := w.workload(path)
	w.agent.mu.Lock()
	workload := w.agent.workloads[name]
	w.agent.mu.Unlock()
	w.agent.end(name, w.echo()(workload))
}
