package launch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// executorOutput is executor_output.json, the ExecutorOutput message of
// kubeflow/pipelines' pipeline_spec.proto as the SDK writes it.
type executorOutput struct {
	ParameterValues map[string]json.RawMessage `json:"parameterValues"`
	Artifacts       map[string]writtenArtifact `json:"artifacts"`
}

type writtenArtifact struct {
	Artifacts []struct {
		Name            string         `json:"name"`
		URI             string         `json:"uri"`
		Metadata        map[string]any `json:"metadata"`
		CustomPath      string         `json:"custom_path"`
		CustomPathCamel string         `json:"customPath"`
	} `json:"artifacts"`
}

// readExecutorOutput reads the file; an absent or empty one says nothing.
func readExecutorOutput(file File) (executorOutput, error) {
	var out executorOutput
	if file.TooLarge {
		return out, fault.New(fault.Invalid, "executor_output.json takes more than the %d MiB that are allowed; "+
			"return large results as artifacts instead of parameters or metadata", MaxOutputBytes>>20)
	}
	if len(bytes.TrimSpace(file.Content)) == 0 {
		return out, nil
	}
	if err := json.Unmarshal(file.Content, &out); err != nil {
		return out, fault.New(fault.Invalid, "executor_output.json is malformed: %s", malformed(err))
	}
	return out, nil
}

// malformed says what is wrong with JSON.
func malformed(err error) string {
	var (
		syntax   *json.SyntaxError
		mistaken *json.UnmarshalTypeError
	)
	switch {
	case errors.As(err, &mistaken) && mistaken.Field != "":
		return fmt.Sprintf("%s is a JSON %s, which it cannot be", mistaken.Field, mistaken.Value)
	case errors.As(err, &mistaken):
		return fmt.Sprintf("it is a JSON %s; it must be a mapping with parameterValues and artifacts", mistaken.Value)
	case errors.As(err, &syntax):
		return fmt.Sprintf("at byte %d: %v; note that JSON knows neither NaN nor Infinity", syntax.Offset, err)
	}
	return err.Error()
}

// parseParameter reads the file of an output parameter. The error completes
// the sentence "the file holds ...".
func parseParameter(t ir.ParameterType, text string) (any, error) {
	var (
		value any
		err   error
	)
	switch t {
	case ir.String:
		return text, nil
	case ir.NumberDouble, ir.NumberInteger:
		value, err = strconv.ParseFloat(strings.TrimSpace(text), 64)
	case ir.Boolean:
		// Python writes True, JSON true.
		value, err = strconv.ParseBool(strings.ToLower(strings.TrimSpace(text)))
	default:
		err = json.Unmarshal([]byte(text), &value)
	}
	if err != nil || !t.Holds(value) {
		return nil, fmt.Errorf("%s, and the parameter is declared as %s", describe(text), t)
	}
	return value, nil
}

// textOf is a value that was returned for a parameter declared as text.
func textOf(value any) (any, error) { return placeholder.Text(value) }
