package launch

import (
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// pipeline holds one component of each kind that the tests need.
const pipeline = `
pipelineInfo: {name: p}
schemaVersion: 2.1.0
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions:
      parameters:
        count: {parameterType: NUMBER_INTEGER}
        text: {parameterType: STRING, defaultValue: hello, isOptional: true}
        extra: {parameterType: LIST, isOptional: true}
      artifacts:
        data: {artifactType: {schemaTitle: system.Dataset}, isOptional: true}
    outputDefinitions:
      parameters:
        total: {parameterType: NUMBER_INTEGER}
        word: {parameterType: STRING}
        yes: {parameterType: BOOLEAN}
        parts: {parameterType: LIST}
      artifacts:
        model: {artifactType: {schemaTitle: system.Model}, metadata: {kind: tree}}
  comp-importer:
    executorLabel: exec-importer
    inputDefinitions:
      parameters:
        uri: {parameterType: STRING}
        by: {parameterType: STRING, isOptional: true}
    outputDefinitions:
      artifacts:
        artifact: {artifactType: {schemaTitle: system.Dataset}}
deploymentSpec:
  executors:
    exec-step:
      container:
        image: "img:{{$.inputs.parameters['text']}}"
        command: [run]
        args: ["--n={{$.inputs.parameters['count']}}", "{{$}}", "{{$.outputs.parameters['total'].output_file}}"]
        env: [{name: WHO, value: "{{$.pipeline_task_name}}"}]
        resources: {resourceCpuLimit: "{{$.inputs.parameters['count']}}", memoryLimit: 0.5}
    exec-importer:
      importer:
        artifactUri: {runtimeParameter: uri}
        reimport: true
        typeSchema: {schemaTitle: system.Dataset}
        metadata: {"by-{{$.inputs.parameters['by']}}": ["{{$.pipeline_job_uuid}}"], size: 3}
`

func request(t testing.TB, component string, parameters map[string]any) Request {
	t.Helper()
	spec, err := ir.Parse([]byte(pipeline))
	if err != nil {
		t.Fatal(err)
	}
	return Request{
		Spec: spec, Component: component,
		Run:    Run{ID: "r1", Name: "my run", PipelineName: "p"},
		Task:   Task{ID: "t1", Name: "step"},
		Inputs: ir.Values{Parameters: parameters},
		Layout: Layout{TaskDir: "/data/p/r1/step/t1"},
	}
}
