package dag

import (
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// FuzzPlan plans whatever Validate lets through: it must come to an end, with no
// task lost.
func FuzzPlan(f *testing.F) {
	f.Add([]byte(header + "components:" + stepComponent + "root: {dag: {tasks: {a: {componentRef: {name: step}}, b: {componentRef: {name: step}, dependentTasks: [a]}}}}"))
	f.Add([]byte(header + "components:" + stepComponent + `
  loop: {inputDefinitions: {parameters: {item: {parameterType: STRING}}}, dag: {tasks: {in: {componentRef: {name: step}, inputs: {parameters: {x: {componentInputParameter: item}}}}}}}
root: {dag: {tasks: {l: {componentRef: {name: loop}, parameterIterator: {itemInput: item, items: {raw: '[1, "2"]'}}, iteratorPolicy: {parallelismLimit: 1}}}}}`))
	f.Add([]byte(header + "components:" + stepComponent + `
root: {dag: {tasks: {a: {componentRef: {name: step}, triggerPolicy: {condition: "false"}}, e: {componentRef: {name: step}, dependentTasks: [a], triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}}}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, err := ir.Parse(content)
		if err != nil || ir.Validate(spec) != nil {
			t.Skip("no pipeline")
		}
		w := newWorld(spec, nil, echo(nil))
		w.options.MaxIterations = 20
		w.run(t)
	})
}
