package ir

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func typed(t *testing.T) *Spec {
	return parse(t, `
root:
  inputDefinitions:
    parameters:
      n: {parameterType: NUMBER_INTEGER}
      d: {parameterType: NUMBER_DOUBLE, defaultValue: 0.5, isOptional: true}
      s: {parameterType: STRING, isOptional: true}
      b: {parameterType: BOOLEAN, defaultValue: false}
      l: {parameterType: LIST, defaultValue: []}
      m: {parameterType: STRUCT, isOptional: true}
      c: {parameterType: STRING, defaultValue: red, literals: [red, green]}
`)
}

func TestCheckParameters(t *testing.T) {
	got, err := CheckParameters(typed(t), map[string]any{"n": 3.0, "m": nil, "c": "green"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"n": 3.0, "d": 0.5, "b": false, "l": []any{}, "m": nil, "c": "green"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCheckParametersRefuses(t *testing.T) {
	tests := map[string]struct {
		given map[string]any
		want  string
	}{
		"missing":  {nil, "runtime_config.parameters.n: is required"},
		"extra":    {map[string]any{"n": 1.0, "nn": 2.0}, "runtime_config.parameters.nn: the pipeline has no such parameter; it has b, c, d, l, m, n, s"},
		"text":     {map[string]any{"n": "1"}, `n: must be a whole number, is "1"`},
		"fraction": {map[string]any{"n": 1.5}, "n: must be a whole number, is 1.5"},
		"null":     {map[string]any{"n": nil}, "n: must be a whole number, is null"},
		"bool":     {map[string]any{"n": 1.0, "b": "true"}, "b: must be true or false"},
		"list":     {map[string]any{"n": 1.0, "l": map[string]any{}}, "l: must be a list, is a mapping"},
		"literal":  {map[string]any{"n": 1.0, "c": "blue"}, "c: must be one of [red green]"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := CheckParameters(typed(t), tt.given)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, %v; want a refusal with %q", got, err, tt.want)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	macros := Macros{RunID: "r1", Now: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Index: 4}
	given := map[string]any{
		"id": "run-[[RunUUID]]", "now": "[[CurrentTime]]", "day": "[[CurrentTime.2006-01-02]]",
		"index": "[[Index]]", "scheduled": "[[ScheduledTime]]", "other": "[[Other]] [[1]]", "n": 1.0,
	}
	want := map[string]any{
		"id": "run-r1", "now": "20240506070809", "day": "2024-05-06",
		"index": "4", "scheduled": "[[ScheduledTime]]", "other": "[[Other]] [[1]]", "n": 1.0,
	}
	if got := macros.Expand(given); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if given["id"] != "run-[[RunUUID]]" {
		t.Error("Expand changed what it was given")
	}
}
