package expr

import (
	"reflect"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestSelect(t *testing.T) {
	nested := map[string]any{"a": map[string]any{"b": []any{1.0, "two"}}, `x"]y`: 5.0}
	tests := []struct {
		name     string
		selector string
		value    any
		want     any
	}{
		{"none", "", "as it is", "as it is"},
		{"entry", `parseJson(string_value)["a"]["b"][1]`, nested, "two"},
		{"of text", `parseJson(string_value)["k"]`, `{"k": [1, 2]}`, []any{1.0, 2.0}},
		{"single quotes", `parseJson(string_value)['a']['b'][0]`, nested, 1.0},
		{"whole", `parseJson(string_value)`, `[true]`, []any{true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Select(tt.selector, tt.value)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSelectRefuses(t *testing.T) {
	value := map[string]any{"a": []any{1.0}}
	for _, selector := range []string{
		`parseJson(string_value)["b"]`, `parseJson(string_value)["a"][1]`, `parseJson(string_value)["a"]["x"]`,
		`parseJson(string_value)["a"][-1]`, `parseJson(string_value).a`, `jsonPath("$.a")`, `parseJson(string_value)[0]`,
	} {
		if got, err := Select(selector, value); !fault.Is(err, fault.Invalid) {
			t.Errorf("Select(%s) = %v, %v; want a refusal", selector, got, err)
		}
	}
	if _, err := Select(`parseJson(string_value)["a"]`, "no JSON"); !fault.Is(err, fault.Invalid) {
		t.Errorf("text that is no JSON: got %v, want a refusal", err)
	}
}

func FuzzSelect(f *testing.F) {
	f.Add(`parseJson(string_value)["a"]`, `{"a": 1}`)
	f.Add(`parseJson(string_value)[0]['b']`, `[{"b": 2}]`)
	f.Fuzz(func(t *testing.T, selector, value string) {
		if _, err := Select(selector, value); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q of %q: %v", selector, value, err)
		}
	})
}
