package dag

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

const (
	succeeded = pipelinev1.RuntimeState_SUCCEEDED
	failed    = pipelinev1.RuntimeState_FAILED
	skipped   = pipelinev1.RuntimeState_SKIPPED
)

// header is what every pipeline here starts with: a component "step" that reads
// the optional "x" and makes "out" and the artifact "model".
const header = `
schemaVersion: 2.1.0
pipelineInfo: {name: test}
deploymentSpec:
  executors:
    exec-step: {container: {image: i, command: ["true"]}}
    exec-import: {importer: {artifactUri: {constant: "gs://b/k"}, typeSchema: {schemaTitle: system.Dataset}}}
`

const stepComponent = `
  step:
    executorLabel: exec-step
    inputDefinitions: {parameters: {x: {parameterType: STRING, isOptional: true}}}
    outputDefinitions:
      parameters: {out: {parameterType: STRING}}
      artifacts: {model: {artifactType: {schemaTitle: system.Model}}}
`

func parse(t testing.TB, components, root string) *ir.Spec {
	t.Helper()
	spec, err := ir.Parse([]byte(header + "components:\n" + strings.TrimPrefix(stepComponent, "\n") + components + "\nroot:\n" + root))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// echo ends every attempt with success: "out" is what the map says for the
// path, or the path itself. A path that maps to an error fails.
func echo(outputs map[string]any) func(Launch) Result {
	return func(l Launch) Result {
		out, ok := outputs[l.Path]
		if err, isError := out.(error); isError {
			return Result{Verdict: Failed, ExitCode: 2, Message: err.Error()}
		}
		if !ok {
			out = l.Path
		}
		return Result{Verdict: Succeeded, Outputs: ir.Values{
			Parameters: map[string]any{"out": out},
			Artifacts:  map[string][]ir.Artifact{"model": {{Name: "model", URI: "/" + l.Path, UID: l.Path}}},
		}}
	}
}

// launched returns the inputs of the first attempt at a path.
func (w *world) launchedAt(t *testing.T, path string) ir.Values {
	t.Helper()
	for _, l := range w.order {
		if l.Path == path {
			return l.Inputs
		}
	}
	t.Fatalf("%q was not launched; launched were %v", path, w.launches())
	return ir.Values{}
}

func checkStates(t *testing.T, w *world, want map[string]pipelinev1.RuntimeState) {
	t.Helper()
	if got := w.states(); !maps.Equal(got, want) {
		t.Errorf("tasks ended\n%v\nwant\n%v", got, want)
	}
}

func TestUpstreamDecides(t *testing.T) {
	const root = `
  dag:
    tasks:
      a: {componentRef: {name: step}}
      b: {componentRef: {name: step}, dependentTasks: [a]}
      c: {componentRef: {name: step}, dependentTasks: [b]}
      beside: {componentRef: {name: step}}
      cleanup:
        componentRef: {name: step}
        dependentTasks: [c]
        triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}
`
	w := newWorld(parse(t, "", root), nil, echo(map[string]any{"a": fmt.Errorf("boom")}))
	outcome := w.run(t)
	checkStates(t, w, map[string]pipelinev1.RuntimeState{
		"": failed, "a": failed, "b": skipped, "c": skipped, "beside": succeeded, "cleanup": succeeded,
	})
	if want := `task "a" failed: boom`; outcome.State != failed || outcome.Message != want {
		t.Errorf("the run ended %v; want %q", outcome, want)
	}
}

func TestExitHandlerLearnsTheEnd(t *testing.T) {
	const components = `
  exit-handler:
    dag: {tasks: {work: {componentRef: {name: step}}}}
  on-exit:
    executorLabel: exec-step
    inputDefinitions: {parameters: {status: {parameterType: TASK_FINAL_STATUS}}}
`
	const root = `
  dag:
    tasks:
      exit-handler-1: {componentRef: {name: exit-handler}}
      notify:
        componentRef: {name: on-exit}
        dependentTasks: [exit-handler-1]
        inputs: {parameters: {status: {taskFinalStatus: {producerTask: exit-handler-1}}}}
        triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}
`
	for _, test := range []struct {
		name  string
		work  any
		state string
		fails map[string]any
		run   pipelinev1.RuntimeState
	}{
		{"after success", "fine", "COMPLETE", map[string]any{}, succeeded},
		{"after failure", fmt.Errorf("boom"), "FAILED", map[string]any{"message": `task "exit-handler-1/work" failed: boom`}, failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(parse(t, components, root), nil, echo(map[string]any{"exit-handler-1/work": test.work}))
			if outcome := w.run(t); outcome.State != test.run {
				t.Errorf("the run ended %v", outcome)
			}
			want := map[string]any{
				"state": test.state, "error": test.fails,
				"pipelineTaskName": "exit-handler-1", "pipelineJobResourceName": "test-" + runID,
			}
			if got := w.launchedAt(t, "notify").Parameters["status"]; !reflect.DeepEqual(got, want) {
				t.Errorf("the exit task was told %v, want %v", got, want)
			}
		})
	}
}

func TestOneBranchIsTaken(t *testing.T) {
	const components = `
  branch:
    dag:
      tasks: {pick: {componentRef: {name: step}}}
      outputs: {parameters: {picked: {valueFromParameter: {producerSubtask: pick, outputParameterKey: out}}}}
    inputDefinitions: {parameters: {coin: {parameterType: STRING}}}
    outputDefinitions: {parameters: {picked: {parameterType: STRING}}}
  branches:
    dag:
      tasks:
        condition-2:
          componentRef: {name: branch}
          inputs: {parameters: {coin: {componentInputParameter: coin}}}
          triggerPolicy: {condition: "inputs.parameter_values['coin'] == 'heads'"}
        condition-3:
          componentRef: {name: branch}
          inputs: {parameters: {coin: {componentInputParameter: coin}}}
          triggerPolicy: {condition: "!(inputs.parameter_values['coin'] == 'heads') && inputs.parameter_values['coin'] == 'tails'"}
      outputs:
        parameters:
          one:
            valueFromOneof:
              parameterSelectors:
              - {producerSubtask: condition-2, outputParameterKey: picked}
              - {producerSubtask: condition-3, outputParameterKey: picked}
    inputDefinitions: {parameters: {coin: {parameterType: STRING}}}
    outputDefinitions: {parameters: {one: {parameterType: STRING}}}
  reader:
    executorLabel: exec-step
    inputDefinitions: {parameters: {x: {parameterType: STRING}}}
`
	const root = `
  dag:
    tasks:
      flip: {componentRef: {name: step}}
      branches:
        componentRef: {name: branches}
        dependentTasks: [flip]
        inputs: {parameters: {coin: {taskOutputParameter: {producerTask: flip, outputParameterKey: out}}}}
      read:
        componentRef: {name: reader}
        dependentTasks: [branches]
        inputs: {parameters: {x: {taskOutputParameter: {producerTask: branches, outputParameterKey: one}}}}
`
	for coin, want := range map[string]map[string]pipelinev1.RuntimeState{
		"heads": {
			"": succeeded, "flip": succeeded, "branches": succeeded, "read": succeeded,
			"branches/condition-2": succeeded, "branches/condition-2/pick": succeeded, "branches/condition-3": skipped,
		},
		"tails": {
			"": succeeded, "flip": succeeded, "branches": succeeded, "read": succeeded,
			"branches/condition-3": succeeded, "branches/condition-3/pick": succeeded, "branches/condition-2": skipped,
		},
		"edge": {
			"": failed, "flip": succeeded, "branches": succeeded, "read": failed,
			"branches/condition-2": skipped, "branches/condition-3": skipped,
		},
	} {
		t.Run(coin, func(t *testing.T) {
			w := newWorld(parse(t, components, root), nil, echo(map[string]any{"flip": coin, "branches/condition-2/pick": "two", "branches/condition-3/pick": "three"}))
			outcome := w.run(t)
			checkStates(t, w, want)
			switch coin {
			case "heads":
				if got := w.launchedAt(t, "read").Parameters["x"]; got != "two" {
					t.Errorf("read got %v", got)
				}
			case "edge":
				if want := `task "branches" made no output "one"`; !strings.Contains(outcome.Message, want) {
					t.Errorf("the run says %q, want %q in it", outcome.Message, want)
				}
			}
		})
	}
}

// loops is a loop over a list in a loop over the root's parameter.
const loops = `
  inner:
    dag:
      tasks: {work: {componentRef: {name: step}, inputs: {parameters: {x: {componentInputParameter: item}}}}}
      outputs:
        parameters: {pipelinechannel--out: {valueFromParameter: {producerSubtask: work, outputParameterKey: out}}}
        artifacts: {pipelinechannel--model: {artifactSelectors: [{producerSubtask: work, outputArtifactKey: model}]}}
    inputDefinitions: {parameters: {item: {parameterType: STRING}}}
    outputDefinitions:
      parameters: {pipelinechannel--out: {parameterType: LIST}}
      artifacts: {pipelinechannel--model: {artifactType: {schemaTitle: system.Model}, isArtifactList: true}}
  outer:
    dag:
      tasks:
        for-loop-2:
          componentRef: {name: inner}
          parameterIterator: {itemInput: item, items: {inputParameter: row}}
          inputs: {parameters: {row: {componentInputParameter: row}}}
      outputs:
        parameters: {pipelinechannel--out: {valueFromParameter: {producerSubtask: for-loop-2, outputParameterKey: pipelinechannel--out}}}
        artifacts: {pipelinechannel--model: {artifactSelectors: [{producerSubtask: for-loop-2, outputArtifactKey: pipelinechannel--model}]}}
    inputDefinitions: {parameters: {row: {parameterType: LIST}}}
    outputDefinitions:
      parameters: {pipelinechannel--out: {parameterType: LIST}}
      artifacts: {pipelinechannel--model: {artifactType: {schemaTitle: system.Model}, isArtifactList: true}}
  collect:
    executorLabel: exec-step
    inputDefinitions:
      parameters: {all: {parameterType: LIST}}
      artifacts: {models: {artifactType: {schemaTitle: system.Model}, isArtifactList: true}}
`

const loopsRoot = `
  dag:
    tasks:
      for-loop-1:
        componentRef: {name: outer}
        parameterIterator: {itemInput: row, items: {inputParameter: rows}}
        iteratorPolicy: {parallelismLimit: 1}
        inputs: {parameters: {rows: {componentInputParameter: rows}}}
      collect:
        componentRef: {name: collect}
        dependentTasks: [for-loop-1]
        inputs:
          parameters: {all: {taskOutputParameter: {producerTask: for-loop-1, outputParameterKey: pipelinechannel--out}}}
          artifacts: {models: {taskOutputArtifact: {producerTask: for-loop-1, outputArtifactKey: pipelinechannel--model}}}
  inputDefinitions: {parameters: {rows: {parameterType: LIST}}}
`

func TestCollectedIsInOrderThroughNestedLoops(t *testing.T) {
	parameters := map[string]any{"rows": []any{[]any{"a", "b"}, `["c"]`, []any{}}}
	w := newWorld(parse(t, loops, loopsRoot), parameters, func(l Launch) Result {
		r := echo(nil)(l)
		if x, ok := l.Inputs.Parameters["x"]; ok {
			r.Outputs.Parameters["out"] = "made of " + x.(string)
		}
		return r
	})
	if outcome := w.run(t); outcome.State != succeeded {
		t.Fatalf("the run ended %v", outcome)
	}
	in := w.launchedAt(t, "collect")
	if want := []any{[]any{"made of a", "made of b"}, []any{"made of c"}, []any{}}; !reflect.DeepEqual(in.Parameters["all"], want) {
		t.Errorf("collected %v, want %v", in.Parameters["all"], want)
	}
	var uris []string
	for _, a := range in.Artifacts["models"] {
		uris = append(uris, a.URI)
	}
	want := []string{"/for-loop-1[0]/for-loop-2[0]/work", "/for-loop-1[0]/for-loop-2[1]/work", "/for-loop-1[1]/for-loop-2[0]/work"}
	if !slices.Equal(uris, want) {
		t.Errorf("collected %v, want %v", uris, want)
	}
}

func TestLoopRefusesWhatIsNoListOrTooLong(t *testing.T) {
	for _, test := range []struct {
		rows any
		says string
	}{
		{"{}", `the loop's input "rows" must be a JSON list`},
		{7.0, `the loop's input "rows" is a float64; it must be a list`},
		{[]any{1.0, 2.0, 3.0}, "the loop has 3 items; at most 2 are allowed"},
	} {
		w := newWorld(parse(t, loops, loopsRoot), map[string]any{"rows": test.rows}, echo(nil))
		w.options.MaxIterations = 2
		if outcome := w.run(t); outcome.State != failed || !strings.Contains(outcome.Message, test.says) {
			t.Errorf("over %v the run ended %v; want %q", test.rows, outcome, test.says)
		}
	}
}

func TestLoopOverArtifacts(t *testing.T) {
	const components = `
  body:
    dag: {tasks: {use: {componentRef: {name: user}, inputs: {artifacts: {m: {componentInputArtifact: item}}}}}}
    inputDefinitions: {artifacts: {item: {artifactType: {schemaTitle: system.Model}}}}
  user:
    executorLabel: exec-step
    inputDefinitions: {artifacts: {m: {artifactType: {schemaTitle: system.Model}}}}
`
	const root = `
  dag:
    tasks:
      make: {componentRef: {name: step}}
      loop:
        componentRef: {name: body}
        dependentTasks: [make]
        artifactIterator: {itemInput: item, items: {inputArtifact: all}}
        inputs: {artifacts: {all: {taskOutputArtifact: {producerTask: make, outputArtifactKey: model}}}}
`
	w := newWorld(parse(t, components, root), nil, func(l Launch) Result {
		return Result{Verdict: Succeeded, Outputs: ir.Values{Artifacts: map[string][]ir.Artifact{"model": {{URI: "/1"}, {URI: "/2"}}}}}
	})
	if outcome := w.run(t); outcome.State != succeeded {
		t.Fatalf("the run ended %v", outcome)
	}
	for i, want := range []string{"/1", "/2"} {
		in := w.launchedAt(t, fmt.Sprintf("loop[%d]/use", i))
		if got := in.Artifacts["m"]; len(got) != 1 || got[0].URI != want {
			t.Errorf("iteration %d got %v, want %s", i, got, want)
		}
	}
}

func TestInputsOfNestedPipelines(t *testing.T) {
	const components = `
  nested:
    dag:
      tasks:
        use:
          componentRef: {name: user}
          inputs:
            parameters:
              given: {componentInputParameter: given}
              fallback: {componentInputParameter: fallback}
              nothing: {componentInputParameter: nothing}
              part: {componentInputParameter: object, parameterExpressionSelector: 'parseJson(string_value)["k"]'}
    inputDefinitions:
      parameters:
        given: {parameterType: STRING}
        fallback: {parameterType: STRING, isOptional: true, defaultValue: from the definition}
        nothing: {parameterType: STRING, isOptional: true}
        object: {parameterType: STRUCT}
  user:
    executorLabel: exec-step
    inputDefinitions:
      parameters:
        given: {parameterType: STRING}
        fallback: {parameterType: STRING}
        nothing: {parameterType: STRING, isOptional: true, defaultValue: left to the step}
        part: {parameterType: STRING}
`
	const root = `
  dag:
    tasks:
      nested:
        componentRef: {name: nested}
        inputs:
          parameters:
            given: {runtimeValue: {constant: "hello {{$.inputs.parameters['pipelinechannel--name']}}"}}
            pipelinechannel--name: {componentInputParameter: name}
            object: {runtimeValue: {constant: '{"k": "v"}'}}
  inputDefinitions: {parameters: {name: {parameterType: STRING, defaultValue: you, isOptional: true}}}
`
	w := newWorld(parse(t, components, root), nil, echo(nil))
	if outcome := w.run(t); outcome.State != succeeded {
		t.Fatalf("the run ended %v", outcome)
	}
	want := map[string]any{"given": "hello you", "fallback": "from the definition", "part": "v"}
	if got := w.launchedAt(t, "nested/use").Parameters; !reflect.DeepEqual(got, want) {
		t.Errorf("the step got %v, want %v", got, want)
	}
}

func TestBackoffGrowsToItsLimit(t *testing.T) {
	second := ir.Duration(time.Second)
	for _, test := range []struct {
		policy  *ir.RetryPolicy
		attempt int
		want    time.Duration
	}{
		{nil, 1, 0},
		{&ir.RetryPolicy{}, 3, 0},
		{&ir.RetryPolicy{BackoffDuration: second}, 1, time.Second},
		{&ir.RetryPolicy{BackoffDuration: second}, 4, 8 * time.Second},
		{&ir.RetryPolicy{BackoffDuration: second, BackoffFactor: 1}, 9, time.Second},
		{&ir.RetryPolicy{BackoffDuration: second, BackoffFactor: 3, BackoffMaxDuration: 5 * second}, 3, 5 * time.Second},
		{&ir.RetryPolicy{BackoffDuration: second}, 5000, time.Hour},
	} {
		if got := backoff(test.policy, test.attempt); got != test.want {
			t.Errorf("after attempt %d of %+v: %s, want %s", test.attempt, test.policy, got, test.want)
		}
	}
}

// TestRetryWaitSurvivesARestart: the wait counts from the end of the attempt
// that failed, not from the restart.
func TestRetryWaitSurvivesARestart(t *testing.T) {
	const root = `
  dag:
    tasks:
      flaky: {componentRef: {name: step}, retryPolicy: {maxRetryCount: 2, backoffDuration: 600s}}
`
	w := newWorld(parse(t, "", root), nil, echo(map[string]any{"flaky": fmt.Errorf("boom")}))
	w.start(t)
	w.finish(t, 0)
	want := w.pending[0].NotBefore
	if want.Sub(w.clock) != 10*time.Minute {
		t.Fatalf("the retry waits until %s at %s", want, w.clock)
	}
	w.save(len(w.dirty))
	w.crash(t, false)
	if got := w.pending[0]; !got.NotBefore.Equal(want) || got.Number != 2 {
		t.Errorf("after the restart attempt %d waits until %s, want attempt 2 and %s", got.Number, got.NotBefore, want)
	}
}

// The SDK writes an f-string inside loops like this: it hands the items of inner
// loops in from outside, where they are not, and not those of outer loops.
func TestItemsOfLoopsAround(t *testing.T) {
	const item1, item2 = "pipelinechannel--loop-item-param-1", "pipelinechannel--loop-item-param-2"
	w := newWorld(parse(t, `
  outer:
    inputDefinitions: {parameters: {`+item1+`: {parameterType: STRUCT}, `+item1+`-subvar-k: {parameterType: STRING}, `+item2+`: {parameterType: STRING}}}
    dag:
      tasks:
        inner:
          componentRef: {name: inner}
          parameterIterator: {itemInput: `+item2+`, items: {raw: '["x", "y"]'}}
          inputs: {parameters: {`+item2+`: {componentInputParameter: `+item2+`}}}
  inner:
    inputDefinitions: {parameters: {`+item2+`: {parameterType: STRING}}}
    dag:
      tasks:
        say:
          componentRef: {name: step}
          inputs:
            parameters:
              `+item1+`-subvar-k: {componentInputParameter: `+item1+`-subvar-k}
              `+item2+`: {componentInputParameter: `+item2+`}
              x: {runtimeValue: {constant: "both"}}
`, `
  dag:
    tasks:
      outer:
        componentRef: {name: outer}
        parameterIterator: {itemInput: `+item1+`, items: {raw: '[{"k": "v"}, {"k": "w"}]'}}
        inputs: {parameters: {`+item1+`-subvar-k: {componentInputParameter: loop-item-param-1-subvar-k}, `+item2+`: {componentInputParameter: loop-item-param-2}}}
`), nil, echo(nil))
	if err := ir.Validate(w.spec); err != nil {
		t.Fatal(err)
	}
	w.run(t)
	for path, want := range map[string][]any{
		"outer[0]/inner[1]/say": {"v", "y"},
		"outer[1]/inner[0]/say": {"w", "x"},
	} {
		in := w.launchedAt(t, path).Parameters
		if got := []any{in[item1+"-subvar-k"], in[item2]}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s gets %v, want %v", path, got, want)
		}
	}
}

func TestLoopsInLoopsComeToAnEnd(t *testing.T) {
	items := "[" + strings.Repeat("1,", 1099) + "1]"
	w := newWorld(parse(t, `
  outer: {inputDefinitions: {parameters: {a: {parameterType: STRING}}}, dag: {tasks: {in: {componentRef: {name: inner}, parameterIterator: {itemInput: b, items: {raw: '`+items+`'}}, iteratorPolicy: {parallelismLimit: 1}}}}}
  inner: {inputDefinitions: {parameters: {b: {parameterType: STRING}}}, dag: {tasks: {s: {componentRef: {name: step}}}}}
`, "  dag: {tasks: {l: {componentRef: {name: outer}, parameterIterator: {itemInput: a, items: {raw: '"+items+"'}}}}}"), nil, echo(nil))
	w.start(t)
	refused := 0
	for _, n := range w.plan.nodes {
		if strings.HasPrefix(n.message, "the run would have") {
			refused++
		}
	}
	if len(w.plan.nodes) > ir.MaxTasks || refused == 0 {
		t.Errorf("%d tasks were made and %d loops refused", len(w.plan.nodes), refused)
	}
}
