package placeholder

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Text is a parameter value as text: strings as they are, numbers without an
// exponent, null as "null", lists and mappings as compact JSON.
func Text(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "", fault.Internalf(err, "a parameter cannot be written as JSON")
	}
	return string(bytes.TrimRight(b.Bytes(), "\n")), nil
}

func (s *Scope) inputParameter(ref, name string, selectors []string) (string, error) {
	if len(selectors) > 0 {
		return "", unknown(ref)
	}
	value, ok := s.Inputs.Parameters[name]
	if !ok {
		return "", missing(ref, "input parameter", name)
	}
	return Text(value)
}

func (s *Scope) outputParameter(ref, name string, selectors []string) (string, error) {
	if !slices.Equal(selectors, []string{"output_file"}) {
		return "", unknown(ref)
	}
	file, ok := s.Outputs.Parameters[name]
	if !ok {
		return "", missing(ref, "output parameter", name)
	}
	return file, nil
}

func (s *Scope) inputArtifact(ref, name string, selectors []string) (string, error) {
	artifacts := s.Inputs.Artifacts[name]
	if len(artifacts) == 0 {
		return "", missing(ref, "input artifact", name)
	}
	return s.artifact(ref, artifacts[0], selectors)
}

func (s *Scope) outputArtifact(ref, name string, selectors []string) (string, error) {
	artifact, ok := s.Outputs.Artifacts[name]
	if !ok {
		return "", missing(ref, "output artifact", name)
	}
	return s.artifact(ref, artifact, selectors)
}

// artifact selects a part of an artifact: uri, path, name, metadata or one
// entry of it; no selector is the whole as JSON.
func (s *Scope) artifact(ref string, a ir.Artifact, selectors []string) (string, error) {
	if len(selectors) == 0 {
		return Text(map[string]any{
			"name": a.Name, "type": map[string]any{"schemaTitle": a.Type}, "uri": a.URI, "metadata": a.Metadata,
		})
	}
	switch {
	case selectors[0] == "metadata" && len(selectors) == 1:
		return Text(a.Metadata)
	case selectors[0] == "metadata" && len(selectors) == 2:
		value, ok := a.Metadata[selectors[1]]
		if !ok {
			return "", missing(ref, "artifact metadata", selectors[1])
		}
		return Text(value)
	case len(selectors) > 1:
		return "", unknown(ref)
	case selectors[0] == "uri":
		return a.URI, nil
	case selectors[0] == "name":
		return a.Name, nil
	case selectors[0] == "path" && s.Path == nil:
		return a.URI, nil
	case selectors[0] == "path":
		return s.Path(a), nil
	}
	return "", unknown(ref)
}
