package dag

import (
	"slices"
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// podSpec is a loop whose step mounts a claim named by the loop's input, and
// secrets named by the item and by a parameter that has no value.
func podSpec(t *testing.T, claim string) *ir.Spec {
	t.Helper()
	spec, err := ir.Parse([]byte(header + "components:" + stepComponent + `
  loop:
    inputDefinitions: {parameters: {item: {parameterType: STRING}, claim: {parameterType: STRING}, none: {parameterType: STRING, isOptional: true}}}
    dag: {tasks: {inner: {componentRef: {name: step}}}}
root:
  dag:
    tasks:
      make: {componentRef: {name: step}}
      loop:
        componentRef: {name: loop}
        parameterIterator: {itemInput: item, items: {raw: '["a", "b"]'}}
        inputs: {parameters: {claim: {taskOutputParameter: {producerTask: make, outputParameterKey: out}}}}
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-step:
          pvcMount: [{mountPath: /data, ` + claim + `}]
          secretAsEnv:
          - {secretNameParameter: {componentInputParameter: item}}
          - {optional: true, secretNameParameter: {componentInputParameter: none}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestPodIsBoundWhereTheTaskIs(t *testing.T) {
	w := newWorld(podSpec(t, "componentInputParameter: claim"), nil, func(l Launch) Result {
		return Result{Verdict: Succeeded, Outputs: ir.Values{Parameters: map[string]any{"out": "made"}}, Warnings: []string{"of " + l.Path}}
	})
	w.start(t)
	for len(w.pending) > 0 {
		w.finish(t, 0)
	}
	if len(w.order) != 3 {
		t.Fatalf("launched %d attempts", len(w.order))
	}
	for i, l := range w.order[1:] {
		item := []string{"a", "b"}[i]
		if got := l.Pod.Claims(); !slices.Equal(got, []string{"made"}) {
			t.Errorf("%s mounts %q", l.Path, got)
		}
		if got := l.Pod.SecretAsEnv; got[0].SecretNameParameter.Value() != item || got[1].SecretNameParameter.Value() != nil {
			t.Errorf("%s has the secrets %v and %v", l.Path, got[0].SecretNameParameter.Value(), got[1].SecretNameParameter.Value())
		}
	}
}

func TestPodThatCannotBeBoundFailsTheTask(t *testing.T) {
	w := newWorld(podSpec(t, `pvcNameParameter: {runtimeValue: {constant: "x"}, parameterExpressionSelector: "parseJson(string_value)[\"k\"]"}`), nil, echo(nil))
	w.start(t)
	made := w.plan.Task(w.plan.idOf("make"))
	if w.done == nil || made.GetDetail().GetState() != failed {
		t.Errorf("%v: %s", made.GetDetail().GetState(), made.GetMessage())
	}
}

func TestWarningsOutliveACrash(t *testing.T) {
	w := newWorld(parse(t, "", "  dag: {tasks: {a: {componentRef: {name: step}}}}"), nil, func(Launch) Result {
		return Result{Verdict: Succeeded, Warnings: []string{"mind the gap"}}
	})
	w.start(t)
	w.absorb(t, w.plan.Progress(w.pending[0].Attempt, Progress{Warnings: []string{"so far"}}, w.tick()))
	id := w.plan.idOf("a")
	if got := w.plan.Task(id).GetWarnings(); !slices.Equal(got, []string{"so far"}) {
		t.Errorf("while it runs: %q", got)
	}
	w.finish(t, 0)
	w.save(len(w.dirty))
	w.crash(t, false)
	if got := w.plan.Task(id).GetWarnings(); !slices.Equal(got, []string{"mind the gap"}) {
		t.Errorf("after the crash: %q", got)
	}
}
