package launch

import (
	"bytes"
	"encoding/json"
	"maps"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// The ExecutorInput message of kubeflow/pipelines' pipeline_spec.proto, in the
// JSON that the SDK's executor reads.
type (
	executorInput struct {
		Inputs  executorInputs  `json:"inputs"`
		Outputs executorOutputs `json:"outputs"`
	}
	executorInputs struct {
		ParameterValues map[string]any          `json:"parameterValues,omitempty"`
		Artifacts       map[string]artifactList `json:"artifacts,omitempty"`
	}
	executorOutputs struct {
		Parameters map[string]outputFile   `json:"parameters,omitempty"`
		Artifacts  map[string]artifactList `json:"artifacts,omitempty"`
		OutputFile string                  `json:"outputFile"`
	}
	outputFile struct {
		OutputFile string `json:"outputFile"`
	}
	artifactList struct {
		Artifacts []runtimeArtifact `json:"artifacts"`
	}
	runtimeArtifact struct {
		Name     string         `json:"name"`
		Type     schemaTitle    `json:"type"`
		URI      string         `json:"uri"`
		Metadata map[string]any `json:"metadata,omitempty"`
	}
	schemaTitle struct {
		SchemaTitle string `json:"schemaTitle"`
	}
)

// executorInput writes the ExecutorInput of a request. The URI of each artifact
// is its local path: the SDK takes any URI without a scheme it knows for a path.
func (req Request) executorInput(c ir.Component, inputs ir.Values) ([]byte, error) {
	in := executorInput{
		Inputs: executorInputs{ParameterValues: inputs.Parameters, Artifacts: map[string]artifactList{}},
		Outputs: executorOutputs{
			Parameters: map[string]outputFile{},
			Artifacts:  map[string]artifactList{},
			OutputFile: req.Layout.OutputFile(),
		},
	}
	for name, artifacts := range inputs.Artifacts {
		list := artifactList{Artifacts: []runtimeArtifact{}}
		for _, a := range artifacts {
			list.Artifacts = append(list.Artifacts, req.runtimeArtifact(a))
		}
		in.Inputs.Artifacts[name] = list
	}
	for name, a := range req.outputArtifacts(c) {
		in.Outputs.Artifacts[name] = artifactList{Artifacts: []runtimeArtifact{req.runtimeArtifact(a)}}
	}
	for name, file := range req.parameterFiles(c) {
		in.Outputs.Parameters[name] = outputFile{OutputFile: file}
	}
	return compactJSON(in)
}

func (req Request) runtimeArtifact(a ir.Artifact) runtimeArtifact {
	metadata := a.Metadata
	if req.copied(a) {
		metadata = maps.Clone(metadata)
		delete(metadata, inWorkspace)
	}
	return runtimeArtifact{Name: a.Name, Type: schemaTitle{a.Type}, URI: req.LocalPath(a), Metadata: metadata}
}

// compactJSON writes JSON as the executor reads it: no escapes for HTML, keys
// sorted, whole numbers without a fraction.
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fault.Internalf(err, "the task's inputs cannot be written as JSON")
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
