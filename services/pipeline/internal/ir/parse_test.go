package ir

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// valid is a pipeline in which a test breaks one thing at a time.
const valid = `
pipelineInfo: {name: demo}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
components:
  comp-make:
    executorLabel: exec-make
    inputDefinitions:
      parameters:
        count: {parameterType: NUMBER_INTEGER}
        text: {parameterType: STRING, isOptional: true, defaultValue: null}
    outputDefinitions:
      parameters:
        out: {parameterType: NUMBER_INTEGER}
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset}}
  comp-use:
    executorLabel: exec-make
    inputDefinitions:
      parameters:
        n: {parameterType: NUMBER_DOUBLE}
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset}}
  comp-loop:
    dag:
      tasks:
        inner:
          componentRef: {name: comp-make}
          inputs: {parameters: {count: {componentInputParameter: item}}}
    inputDefinitions:
      parameters:
        item: {parameterType: NUMBER_INTEGER}
deploymentSpec:
  executors:
    exec-make: {container: {image: python, command: ['true']}}
root:
  inputDefinitions:
    parameters:
      size: {parameterType: NUMBER_INTEGER}
  dag:
    tasks:
      make:
        componentRef: {name: comp-make}
        inputs: {parameters: {count: {componentInputParameter: size}}}
        retryPolicy: {maxRetryCount: "3", backoffDuration: 1.5s, backoffFactor: 2}
      use:
        componentRef: {name: comp-use}
        dependentTasks: [make]
        triggerPolicy: {condition: "inputs.parameter_values['n'] > 1"}
        inputs:
          parameters: {n: {taskOutputParameter: {producerTask: make, outputParameterKey: out}}}
          artifacts: {data: {taskOutputArtifact: {producerTask: make, outputArtifactKey: data}}}
      loop:
        componentRef: {name: comp-loop}
        iteratorPolicy: {parallelismLimit: 2}
        parameterIterator: {itemInput: item, items: {raw: '[1, 2]'}}
`

func parse(t testing.TB, content string) *Spec {
	t.Helper()
	spec, err := Parse([]byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestParse(t *testing.T) {
	spec := parse(t, valid)
	if spec.PipelineInfo.Name != "demo" || spec.Root.DAG.Tasks["use"].DependentTasks[0] != "make" {
		t.Errorf("got %+v", spec)
	}
	retry := spec.Root.DAG.Tasks["make"].RetryPolicy
	if retry.MaxRetryCount != 3 || time.Duration(retry.BackoffDuration) != 1500*time.Millisecond {
		t.Errorf("the retry policy is %+v", retry)
	}
	inputs := spec.Components["comp-make"].InputDefinitions.Parameters
	if !inputs["text"].HasDefault || inputs["count"].HasDefault {
		t.Errorf("a null default and no default are not told apart: %+v", inputs)
	}
	if got := spec.DeploymentSpec.Executors["exec-make"].Container; got == nil || got.Image != "python" {
		t.Errorf("the executor is %+v", got)
	}
}

func TestParseForms(t *testing.T) {
	platform := "platforms: {kubernetes: {deploymentSpec: {executors: {exec-make: {secretAsEnv: []}}}}}"
	forms := map[string]string{
		"yaml with a platform": valid + "---\n" + platform,
		"platform first":       platform + "\n---" + valid,
		"JSON":                 `{"pipelineInfo": {"name": "demo"}, "root": {}}`,
		"snake case":           "pipeline_info: {name: demo}\nschema_version: 2.1.0\n",
		"wrapped":              `{"pipeline_spec": {"pipelineInfo": {"name": "demo"}}, "platform_spec": {"platforms": {"kubernetes": {}}}}`,
		"JSON with tabs":       "{\n\t\"pipelineInfo\": {\n\t\t\"name\": \"demo\"}}",
		"empty documents":      "---\n---\npipelineInfo: {name: demo}\n---\n",
		"an alias":             "a: &name {name: demo}\npipelineInfo: *name\n",
	}
	for name, content := range forms {
		t.Run(name, func(t *testing.T) {
			spec := parse(t, content)
			if spec.PipelineInfo.Name != "demo" {
				t.Errorf("got %+v", spec.PipelineInfo)
			}
			if wants := strings.Contains(content, "platforms"); (spec.Platform != nil) != wants {
				t.Errorf("the platform is %+v", spec.Platform)
			}
			shown, err := ToStruct([]byte(content))
			if err != nil {
				t.Fatal(err)
			}
			again, err := FromStruct(shown)
			if err != nil || again.PipelineInfo != spec.PipelineInfo || (again.Platform == nil) != (spec.Platform == nil) {
				t.Errorf("through the API: %+v, %v", again, err)
			}
		})
	}
}

func TestToStructKeepsSpelling(t *testing.T) {
	got, err := ToStruct([]byte("pipeline_info: {name: demo}\nnewField: [1, null]\n"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := structpb.NewStruct(map[string]any{
		"pipeline_info": map[string]any{"name": "demo"}, "newField": []any{1, nil},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != want.String() {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	bomb := "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 10; i++ {
		prev := "*a" + string(rune('0'+i-1))
		bomb += strings.Replace("aN: &aN [", "N", string(rune('0'+i)), 2) + strings.Repeat(prev+", ", 9) + prev + "]\n"
	}
	tests := map[string]struct{ content, want string }{
		"empty":          {" \n", "empty"},
		"no mapping":     {"- a\n- b\n", "a list; a compiled pipeline is a mapping"},
		"text":           {"hello", `"hello"; a compiled pipeline is a mapping`},
		"broken yaml":    {"a: b\n c: d\n", "line 2"},
		"broken JSON":    {`{"pipelineInfo": {"name": "x"}`, "neither YAML nor JSON"},
		"alias bomb":     {bomb, "alias"},
		"alias loop":     {"a: &a [*a]\n", "line 1"},
		"deep":           {strings.Repeat("[", maxDepth+2) + strings.Repeat("]", maxDepth+2), "deep"},
		"double key":     {"a: 1\nb: 2\na: 3\n", "line 3"},
		"too many":       {"a: 1\n---\nb: 1\n", "2 documents"},
		"only platform":  {"platforms: {kubernetes: {}}\n", "no pipeline"},
		"wrong shape":    {"components: [a]\n", "components: must be a mapping, is a list"},
		"wrong list":     {"components: {c: {dag: {tasks: {t: {dependentTasks: a}}}}}\n", "components.c.dag.tasks.t.dependentTasks: must be a list"},
		"wrong duration": {"root: {dag: {tasks: {t: {retryPolicy: {backoffDuration: 5}}}}}\n", "root.dag.tasks.t.retryPolicy.backoffDuration"},
		"wrong number":   {"root: {dag: {tasks: {t: {retryPolicy: {maxRetryCount: many}}}}}\n", "whole number"},
		"not a number":   {"a: .nan\n", "line 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			spec, err := Parse([]byte(tt.content))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want a refusal with %q", spec, err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(valid))
	f.Add([]byte(`{"pipeline_spec": {"root": {"dag": {"tasks": {"a": {}}}}}}`))
	f.Add([]byte("a: &a {<<: *a}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		spec, err := Parse(content)
		if err == nil {
			err = Validate(spec)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%v", err)
		}
	})
}
