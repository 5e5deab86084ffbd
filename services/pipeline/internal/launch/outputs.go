package launch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// File is a file that a step left behind.
type File struct {
	Content  []byte
	TooLarge bool // it exceeded the limit, so there is no content
}

// Outputs are what a task made.
type Outputs struct {
	Values   ir.Values
	Apart    map[string][]byte // parameters that are too large to be among the values, as JSON
	Warnings []string
}

// MaxOutputBytes is how large the files may be in which a step says what it made.
const MaxOutputBytes = 64 << 20

// apartBytes is how large the JSON of a parameter may be that is among the values.
const apartBytes = 32 << 10

// ReadOutputs reads what a step of the request left behind; files are those of
// Launch.Returns that exist, by path. What executor_output.json says of a
// parameter wins over the parameter's own file.
func ReadOutputs(req Request, files map[string]File) (*Outputs, error) {
	c, _, err := req.component()
	if err != nil {
		return nil, err
	}
	written, err := readExecutorOutput(files[req.Layout.OutputFile()])
	if err != nil {
		return nil, fmt.Errorf("task %q: %w", req.Task.Name, err)
	}
	out := &Outputs{
		Values: ir.Values{Parameters: map[string]any{}, Artifacts: map[string][]ir.Artifact{}},
		Apart:  map[string][]byte{},
	}
	for _, name := range slices.Sorted(maps.Keys(c.OutputDefinitions.Parameters)) {
		def := c.OutputDefinitions.Parameters[name]
		if content, large := largeOutput(def, written.ParameterValues[name]); large {
			out.Apart[name] = content
			continue
		}
		value, err := req.outputParameter(name, def, written, files)
		if err == nil {
			err = out.addParameter(name, value)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := out.addArtifacts(req, c, written); err != nil {
		return nil, err
	}
	out.warnUnknown(c, written)
	return out, nil
}

// largeOutput returns what executor_output.json says of a parameter when that is
// large, and reports whether it is. It is JSON, of which the beginning tells the
// type; what is of another type than declared is for outputParameter to judge.
func largeOutput(def ir.ParameterDef, raw json.RawMessage) ([]byte, bool) {
	if len(raw) <= apartBytes {
		return nil, false
	}
	var kind any
	switch raw[0] {
	case '"':
		kind = ""
	case '[':
		kind = []any{}
	case '{':
		kind = map[string]any{}
	}
	return raw, kind != nil && def.ParameterType.Holds(kind)
}

// addParameter adds the value of a parameter, apart when it is large.
func (out *Outputs) addParameter(name string, value any) error {
	if text, is := value.(string); is && len(text) <= apartBytes/2 || !mayBeLarge(value) {
		out.Values.Parameters[name] = value
		return nil
	}
	content, err := compactJSON(value)
	switch {
	case err != nil:
		return err
	case len(content) > apartBytes:
		out.Apart[name] = content
	default:
		out.Values.Parameters[name] = value
	}
	return nil
}

// mayBeLarge reports whether a value is of a type that has no largest size.
func mayBeLarge(value any) bool {
	switch value.(type) {
	case string, []any, map[string]any:
		return true
	}
	return false
}

// outputParameter is the value of one output parameter.
func (req Request) outputParameter(
	name string, def ir.ParameterDef, written executorOutput, files map[string]File,
) (any, error) {
	if raw, ok := written.ParameterValues[name]; ok {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, fault.New(fault.Invalid, "executor_output.json is malformed: the output parameter %q: %s", name, malformed(err))
		}
		return req.checkOutput(name, def, value)
	}
	file, ok := files[req.Layout.ParameterFile(name)]
	switch {
	case ok && file.TooLarge:
		return nil, fault.New(fault.Invalid, "task %q wrote more to its output parameter %q than the %d MiB "+
			"that parameters may hold; write large results to an output artifact", req.Task.Name, name, MaxOutputBytes>>20)
	case !ok && def.IsOptional:
		return nil, nil
	case !ok:
		return nil, fault.New(fault.Invalid, "task %q ended without writing its output parameter %q; "+
			"it has to write the file %s, which no link out of its folder can stand for, or name it in executor_output.json", req.Task.Name, name, req.Layout.ParameterFile(name))
	}
	if !utf8.Valid(file.Content) {
		return nil, fault.New(fault.Invalid, "task %q: the file of the output parameter %q holds what is not UTF-8; "+
			"write bytes to an output artifact", req.Task.Name, name)
	}
	value, err := parseParameter(def.ParameterType, string(file.Content))
	if err != nil {
		return nil, fault.New(fault.Invalid, "task %q: the file of the output parameter %q holds %s", req.Task.Name, name, err)
	}
	return value, nil
}

// checkOutput takes a value from executor_output.json as one of the declared type.
func (req Request) checkOutput(name string, def ir.ParameterDef, value any) (any, error) {
	if value == nil || def.ParameterType.Holds(value) {
		return value, nil
	}
	if def.ParameterType == ir.String {
		return textOf(value)
	}
	return nil, fault.New(fault.Invalid, "task %q declares its output parameter %q as %s and returned %s",
		req.Task.Name, name, def.ParameterType, describe(value))
}

// warnUnknown warns of outputs that the component does not declare.
func (out *Outputs) warnUnknown(c ir.Component, written executorOutput) {
	for _, name := range slices.Sorted(maps.Keys(written.ParameterValues)) {
		if _, declared := c.OutputDefinitions.Parameters[name]; !declared {
			out.Warnings = append(out.Warnings, fmt.Sprintf("the output parameter %q is not declared and was ignored", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(written.Artifacts)) {
		if _, declared := c.OutputDefinitions.Artifacts[name]; !declared {
			out.Warnings = append(out.Warnings, fmt.Sprintf("the output artifact %q is not declared and was ignored", name))
		}
	}
}
