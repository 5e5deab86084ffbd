package expr

import (
	"encoding/json"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestEvaluate(t *testing.T) {
	parameters := map[string]any{
		"word": "heads", "quoted": "it's", "count": 3.0, "ratio": 0.5, "flag": true, "digits": "7",
		"tricky": "a' == 'b", "path": `C:\new`, "nothing": nil,
	}
	tests := []struct {
		expression string
		want       bool
	}{
		{"", true},
		{"inputs.parameter_values['word'] == 'heads'", true},
		{"inputs.parameter_values['word'] != 'heads'", false},
		{"!(inputs.parameter_values['word'] == 'heads')", false},
		{"inputs.parameter_values['count'] == 3", true},
		{"inputs.parameter_values['count'] >= 2.5", true},
		{"int(inputs.parameter_values['count']) > 2", true},
		{"int(inputs.parameter_values['digits']) == 7", true},
		{"double(inputs.parameter_values['ratio']) < 0.6", true},
		{"inputs.parameter_values['flag'] == true", true},
		{"!(inputs.parameter_values['flag'] == true) && inputs.parameter_values['count'] > 1", false},
		{"inputs.parameter_values['quoted'] == 'it's'", true},
		{"inputs.parameter_values['quoted'] == 'it's' && inputs.parameter_values['word'] == 'tails'", false},
		{"inputs.parameter_values['quoted'] == \"it's\"", true},
		{"inputs.parameter_values['nothing'] == null", true},
	}
	conditions := NewConditions()
	for _, tt := range tests {
		t.Run(tt.expression, func(t *testing.T) {
			got, err := conditions.Evaluate(tt.expression, parameters)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestEvaluateRefuses(t *testing.T) {
	for name, expression := range map[string]string{
		"syntax":          "inputs.parameter_values['a'] ==",
		"unknown name":    "outputs.parameter_values['a'] == 1",
		"not a condition": "1 + 2",
		"absent input":    "inputs.parameter_values['absent'] == 1",
		"wrong type":      "inputs.parameter_values['word'] > 1 && inputs.parameter_values['word']",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewConditions().Evaluate(expression, map[string]any{"word": "x"})
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("got %v, want an invalid condition", err)
			}
		})
	}
}

func TestProgramsAreKept(t *testing.T) {
	conditions := NewConditions()
	for range 3 {
		if err := conditions.Check("inputs.parameter_values['a'] == 1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(conditions.programs); got != 1 {
		t.Errorf("%d programs are kept, want 1", got)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("inputs.parameter_values['a'] == 'it's'")
	f.Add("'")
	f.Add("!(inputs.parameter_values['a'] == '')")
	conditions := NewConditions()
	f.Fuzz(func(t *testing.T, expression string) {
		if err := conditions.Check(expression); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", expression, err)
		}
	})
}

func FuzzEvaluate(f *testing.F) {
	f.Add("int(inputs.parameter_values['a']) > 3", `{"a": "4"}`)
	f.Add("inputs.parameter_values['a']['b'][0] == 'it's'", `{"a": {"b": ["it's"]}}`)
	conditions := NewConditions()
	f.Fuzz(func(t *testing.T, expression, parameters string) {
		var values map[string]any
		if json.Unmarshal([]byte(parameters), &values) != nil {
			t.Skip("no parameters")
		}
		if _, err := conditions.Evaluate(expression, values); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", expression, err)
		}
	})
}
