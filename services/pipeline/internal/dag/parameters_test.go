package dag

import (
	"encoding/json"
	"reflect"
	"testing"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func TestLargeValuesAreRecordedByWhatStandsForThem(t *testing.T) {
	a := &ir.Large{Digest: "sha256:a", Bytes: 1 << 20, Beginning: "aaa…"}
	b := &ir.Large{Digest: "sha256:b", Bytes: 2 << 20, Beginning: "[1, 2…"}
	for name, parameters := range map[string]map[string]any{
		"none":           {"x": 1.0, "y": []any{"z"}},
		"one":            {"x": a, "y": "small"},
		"a list":         {"x": []any{a, "small", b}, "y": b},
		"a list of them": {"x": []any{[]any{a, b}, []any{}, []any{nil, a}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := checkParameters(parameters); err != nil {
				t.Fatal(err)
			}
			before, _ := json.Marshal(parameters["y"])
			encoded, large := encodeParameters(parameters)
			record := &pipelinev1.Task{OutputParameters: encoded, LargeOutputs: large}
			content, err := proto.Marshal(record)
			if err != nil {
				t.Fatal(err)
			}
			read := &pipelinev1.Task{}
			if err := proto.Unmarshal(content, read); err != nil {
				t.Fatal(err)
			}
			if got := Outputs(read).Parameters; !reflect.DeepEqual(got, parameters) {
				t.Errorf("they came back as %v, want %v", got, parameters)
			}
			if after, _ := json.Marshal(parameters["y"]); string(after) != string(before) {
				t.Errorf("what was recorded was changed: %s, before %s", after, before)
			}
		})
	}
}

func TestARecordThatWasCutHasNoLargeValues(t *testing.T) {
	_, large := encodeParameters(map[string]any{"x": []any{&ir.Large{Digest: "sha256:a"}}})
	if got := Outputs(&pipelinev1.Task{LargeOutputs: large}).Parameters; got != nil {
		t.Errorf("they came back as %v", got)
	}
	shorter, _ := encodeParameters(map[string]any{"x": []any{}})
	got := Outputs(&pipelinev1.Task{OutputParameters: shorter, LargeOutputs: large}).Parameters
	if !reflect.DeepEqual(got, map[string]any{"x": []any{}}) {
		t.Errorf("they came back as %v", got)
	}
}

func TestPlansReadLargeValuesOnlyWhereTheirContentCounts(t *testing.T) {
	loads := 0
	load := ir.Load(func(large *ir.Large) (any, error) {
		loads++
		return map[string]any{"key": "of " + large.Digest}, nil
	})
	a, b := &ir.Large{Digest: "a"}, &ir.Large{Digest: "b"}
	in := map[string]any{"x": a, "list": []any{a, b, 3.0}, "other": b}
	whole, err := load.Parameters(in, func(name string) bool { return name == "list" })
	if err != nil || loads != 2 {
		t.Errorf("%d were read, %v; want the two of the list", loads, err)
	}
	if whole["x"] != any(a) || whole["other"] != any(b) || !reflect.DeepEqual(whole["list"], []any{
		map[string]any{"key": "of a"}, map[string]any{"key": "of b"}, 3.0,
	}) {
		t.Errorf("they are %v", whole)
	}
	p := &Plan{options: Options{Load: load}}
	if value, err := p.part(`parseJson(string_value)["key"]`, a); err != nil || value != "of a" {
		t.Errorf("the part is %v, %v", value, err)
	}
	if _, err := json.Marshal(in); err == nil {
		t.Error("a large value was written as what stands for it")
	}
	if _, err := ir.Load(nil).Whole([]any{a}); err == nil {
		t.Error("a large value was read from nowhere")
	}
}
