package ir

import (
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestValidate(t *testing.T) {
	if err := Validate(parse(t, valid)); err != nil {
		t.Error(err)
	}
}

func TestValidateRefuses(t *testing.T) {
	const root = "root.dag.tasks."
	tests := []struct{ name, old, new, want string }{
		{"schema version", "schemaVersion: 2.1.0", "schemaVersion: 2.0.0", "schemaVersion: is \"2.0.0\"; 2.1.0 is supported"},
		{"no name", "{name: demo}", "{}", "pipelineInfo.name: is missing"},
		{"no root", "\nroot:", "\nother:", "root.dag: is missing"},
		{
			"unknown component", "use:\n        componentRef: {name: comp-use}", "use:\n        componentRef: {name: comp-usee}",
			root + `use.componentRef.name: there is no component "comp-usee"; components has comp-loop, comp-make, comp-use`,
		},
		{"unknown executor", "executorLabel: exec-make", "executorLabel: exec", "components.comp-make.executorLabel: there is no executor"},
		{"no executor", "executorLabel: exec-make", "description: x", "components.comp-make: has neither dag nor executorLabel"},
		{"both", "  comp-loop:\n", "  comp-loop:\n    executorLabel: exec-make\n", "components.comp-loop: has both dag and executorLabel"},
		{"empty executor", "{container: {image: python, command: ['true']}}", "{}", "deploymentSpec.executors.exec-make: has neither"},
		{"no image", "image: python", "image: ''", "exec-make.container.image: is missing"},
		{"unknown dependency", "dependentTasks: [make]", "dependentTasks: [mak]", root + `use.dependentTasks[0]: there is no task "mak"`},
		{"cycle", "retryPolicy:", "dependentTasks: [use]\n        retryPolicy:", "root.dag.tasks: the tasks wait for each other in a circle: make -> use -> make"},
		{"self", "dependentTasks: [make]", "dependentTasks: [use]", "use -> use"},
		{
			"unknown producer", "{taskOutputParameter: {producerTask: make", "{taskOutputParameter: {producerTask: nobody",
			root + "use.inputs.parameters.n.taskOutputParameter.producerTask",
		},
		{"unknown output", "outputParameterKey: out", "outputParameterKey: outt", "outputParameterKey: task \"make\" has no output parameter \"outt\"; it has out"},
		{"unknown artifact", "outputArtifactKey: data", "outputArtifactKey: dat", root + "use.inputs.artifacts.data.taskOutputArtifact.outputArtifactKey"},
		{"unknown input", "componentInputParameter: size", "componentInputParameter: siz", root + "make.inputs.parameters.count.componentInputParameter"},
		{
			"missing input", "parameters: {n: {taskOutputParameter: {producerTask: make, outputParameterKey: out}}}", "parameters: {}",
			root + `use.inputs.parameters.n: is missing; component "comp-use" requires it`,
		},
		{
			"extra input", "{parameters: {count: {componentInputParameter: size}}}", "{parameters: {cuont: {componentInputParameter: size}}}",
			root + `make.inputs.parameters.cuont: component "comp-make" has no such input parameter; it has count, text`,
		},
		{"no source", "{count: {componentInputParameter: size}}", "{count: {}}", "has 0 sources"},
		{
			"type flow", "size: {parameterType: NUMBER_INTEGER}", "size: {parameterType: STRING}",
			root + "make.inputs.parameters.count: takes NUMBER_INTEGER and would get STRING",
		},
		{"constant", "{count: {componentInputParameter: size}}", "{count: {runtimeValue: {constant: true}}}", "constant: must be a whole number, is true"},
		{
			"reference", "{count: {componentInputParameter: size}}", `{count: {runtimeValue: {constant: "{{$.inputs.parameters['x']}}"}}}`,
			root + `make.inputs.parameters.count.runtimeValue.constant: {{$.inputs.parameters['x']}}: the task has no input parameter "x"`,
		},
		{"unknown type", "size: {parameterType: NUMBER_INTEGER}", "size: {parameterType: INT}", "root.inputDefinitions.parameters.size.parameterType"},
		{"default", "size: {parameterType: NUMBER_INTEGER}", "size: {parameterType: NUMBER_INTEGER, defaultValue: x}", "size.defaultValue"},
		{"loop items", "'[1, 2]'", "'1, 2'", root + "loop.parameterIterator.items.raw: must be a JSON list"},
		{"no items", "{raw: '[1, 2]'}", "{}", "parameterIterator.items: has neither"},
		{"parallelism", "parallelismLimit: 2", "parallelismLimit: -1", "iteratorPolicy.parallelismLimit"},
		{"condition", "['n'] > 1", "['n'] >", root + "use.triggerPolicy.condition: the condition is no valid CEL"},
		{"strategy", "triggerPolicy: {", "triggerPolicy: {strategy: SOMETIMES, ", "triggerPolicy.strategy"},
		{"retries", `maxRetryCount: "3"`, `maxRetryCount: -1`, "retryPolicy.maxRetryCount"},
		{"nesting", "inner:\n          componentRef: {name: comp-make}", "inner:\n          componentRef: {name: comp-loop}", "components.comp-loop: contains itself: comp-loop -> comp-loop"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(valid, tt.old) {
				t.Fatalf("the pipeline has no %q to break", tt.old)
			}
			err := Validate(parse(t, strings.Replace(valid, tt.old, tt.new, 1)))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want a refusal with %q", err, tt.want)
			}
		})
	}
}

func TestValidateReportsEverything(t *testing.T) {
	broken := strings.NewReplacer("schemaVersion: 2.1.0", "schemaVersion: 1", "image: python", "image: ''", "[make]", "[x]").Replace(valid)
	err := Validate(parse(t, broken))
	for _, want := range []string{"schemaVersion", "image", "dependentTasks[0]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %v", want, err)
		}
	}
}
