package spec

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// examples say what a value of each parameter type looks like. STRING is absent:
// any text will do.
var examples = map[string]string{
	"NUMBER_INTEGER": "a whole number such as 3",
	"NUMBER_DOUBLE":  "a number such as 0.5",
	"BOOLEAN":        "true or false",
	"LIST":           `a JSON list such as '["a", "b"]'`,
	"STRUCT":         `a JSON object such as '{"a": 1}'`,
}

// Parameters gives values for a pipeline's parameters: those of a YAML or JSON
// file, unless file is empty, and over them "name=value" assignments, whose
// values are read as the type the pipeline declares. All that is wrong with
// them is reported at once.
func (d *Document) Parameters(file string, assignments []string) (map[string]*structpb.Value, error) {
	return d.ParametersOver(nil, file, assignments)
}

// ParametersOver gives values like Parameters, over those of an earlier run.
func (d *Document) ParametersOver(earlier map[string]*structpb.Value, file string, assignments []string) (map[string]*structpb.Value, error) {
	given, err := d.fromFile(file)
	if err != nil {
		return nil, err
	}
	values := make(map[string]*structpb.Value, len(earlier)+len(given))
	maps.Copy(values, earlier)
	maps.Copy(values, given)
	var wrong []fault.Violation
	for _, assignment := range assignments {
		name, text, ok := strings.Cut(assignment, "=")
		if !ok {
			wrong = append(wrong, fault.Violation{Field: "-p " + assignment, Reason: "write it as name=value"})
			continue
		}
		value, reason := d.value(name, text)
		if reason != "" {
			wrong = append(wrong, fault.Violation{Field: "-p " + name, Reason: reason})
			continue
		}
		values[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, ok := d.Types[name]; !ok {
			wrong = append(wrong, fault.Violation{Field: "-p " + name, Reason: d.unknown()})
		}
	}
	for _, name := range d.Required {
		if _, ok := values[name]; !ok && len(wrong) == 0 {
			wrong = append(wrong, fault.Violation{
				Field:  "-p " + name,
				Reason: fmt.Sprintf("the pipeline needs a value of type %s", d.Types[name]),
			})
		}
	}
	if len(wrong) > 0 {
		return nil, fault.InvalidAll(wrong)
	}
	return values, nil
}

func (d *Document) fromFile(file string) (map[string]*structpb.Value, error) {
	if file == "" {
		return map[string]*structpb.Value{}, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, openFault(file, err)
	}
	var values map[string]any
	if err := yaml.Unmarshal(content, &values); err != nil {
		return nil, fault.Invalidf(file, "is not a YAML or JSON mapping of parameters to values: %v", err)
	}
	given, err := structpb.NewStruct(values)
	if err != nil {
		return nil, fault.Invalidf(file, "cannot be written as JSON: %v", err)
	}
	return given.GetFields(), nil
}

// value reads text as the declared type of a parameter. It gives a reason when
// it cannot. A parameter that is not declared is left to the caller to refuse.
func (d *Document) value(name, text string) (value *structpb.Value, reason string) {
	kind, declared := d.Types[name]
	if kind == "STRING" || !declared {
		return structpb.NewStringValue(text), ""
	}
	value = &structpb.Value{}
	if err := json.Unmarshal([]byte(text), value); err != nil || !fits(value, kind) {
		return nil, fmt.Sprintf("%q is not %s (%s)", text, cmp.Or(examples[kind], "valid JSON"), kind)
	}
	return value, ""
}

func fits(value *structpb.Value, kind string) bool {
	switch v := value.GetKind().(type) {
	case *structpb.Value_NumberValue:
		return kind == "NUMBER_DOUBLE" || kind == "NUMBER_INTEGER" && v.NumberValue == math.Trunc(v.NumberValue)
	case *structpb.Value_BoolValue:
		return kind == "BOOLEAN"
	case *structpb.Value_ListValue:
		return kind == "LIST"
	case *structpb.Value_StructValue:
		return kind == "STRUCT"
	}
	return false
}

func (d *Document) unknown() string {
	names := slices.Sorted(maps.Keys(d.Types))
	if len(names) == 0 {
		return "the pipeline has no such parameter; it takes none"
	}
	return "the pipeline has no such parameter; it takes " + strings.Join(names, ", ")
}
