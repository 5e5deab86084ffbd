package ir

import (
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// CheckParameters checks the parameters given for a run against the inputs of
// the root and returns them with the defaults filled in; an optional parameter
// with neither is absent. Violations have the path
// runtime_config.parameters.<name>.
func CheckParameters(spec *Spec, given map[string]any) (map[string]any, error) {
	defs := spec.Root.InputDefinitions.Parameters
	var violations []fault.Violation
	wrong := func(name, format string, args ...any) {
		violations = append(violations, fault.Violation{
			Field: "runtime_config.parameters." + name, Reason: fmt.Sprintf(format, args...),
		})
	}
	resolved := make(map[string]any, len(defs))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		def, known := defs[name]
		if !known {
			wrong(name, "the pipeline has no such parameter; %s", parameterNames(defs))
			continue
		}
		if reason := def.refuse(given[name]); reason != "" {
			wrong(name, "%s", reason)
		}
		resolved[name] = given[name]
	}
	for _, name := range slices.Sorted(maps.Keys(defs)) {
		def := defs[name]
		_, present := given[name]
		switch {
		case present:
		case def.HasDefault:
			resolved[name] = def.DefaultValue
		case !def.IsOptional:
			wrong(name, "is required and was not given; it must be %s", def.ParameterType.describe())
		}
	}
	if len(violations) > 0 {
		return nil, fault.InvalidAll(violations).WithReason("PARAMETERS_REFUSED")
	}
	return resolved, nil
}

// parameterNames lists the parameters that could have been meant.
func parameterNames(defs map[string]ParameterDef) string {
	if len(defs) == 0 {
		return "it has none"
	}
	return "it has " + strings.Join(slices.Sorted(maps.Keys(defs)), ", ")
}

// refuse says why the parameter cannot take a value, empty when it can.
func (p ParameterDef) refuse(value any) string {
	if value == nil && p.IsOptional {
		return ""
	}
	if !p.ParameterType.Holds(value) {
		return fmt.Sprintf("must be %s, is %s", p.ParameterType.describe(), kindOf(value))
	}
	if len(p.Literals) > 0 && !slices.ContainsFunc(p.Literals, func(l any) bool { return reflect.DeepEqual(l, value) }) {
		return fmt.Sprintf("must be one of %v, is %s", p.Literals, kindOf(value))
	}
	return ""
}

// Holds reports whether a value is of the type, as it is. An integer may be
// spelled 3.0.
func (t ParameterType) Holds(value any) bool {
	switch v := value.(type) {
	case float64:
		return t == NumberDouble || t == NumberInteger && v == math.Trunc(v)
	case string:
		return t == String
	case bool:
		return t == Boolean
	case []any:
		return t == List
	case map[string]any:
		return t == Struct || t == TaskFinalStatus || t == TaskConfig
	default:
		return false
	}
}

// describe names the type for a message.
func (t ParameterType) describe() string {
	names := map[ParameterType]string{
		NumberDouble: "a number", NumberInteger: "a whole number", String: "text", Boolean: "true or false",
		List: "a list", Struct: "a mapping", TaskFinalStatus: "the status of a task", TaskConfig: "a task configuration",
	}
	if name, ok := names[t]; ok {
		return name
	}
	return string(t)
}
