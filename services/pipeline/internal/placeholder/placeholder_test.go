package placeholder

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func scope() *Scope {
	return &Scope{
		Inputs: ir.Values{
			Parameters: map[string]any{
				"text": "hi", "number": 3.0, "ratio": 0.25, "big": 1e21, "flag": true, "nothing": nil,
				"list": []any{1.0, "a<b"}, "sneaky": "{{$.inputs.parameters['text']}}", "pipelinechannel--up-Output": "up",
			},
			Artifacts: map[string][]ir.Artifact{
				"data": {{Name: "d", Type: "system.Dataset", URI: "s3://b/d", Metadata: map[string]any{"rows": 7.0}}, {URI: "s3://b/e"}},
				"none": {},
			},
		},
		Outputs: Outputs{
			File:       "/t/executor_output.json",
			Parameters: map[string]string{"sum": "/t/sum"},
			Artifacts:  map[string]ir.Artifact{"model": {Name: "model", URI: "s3://b/m"}},
		},
		ExecutorInput: `{"inputs":{}}`,
		Job: Job{
			Name: "job", ResourceName: "p-1", UUID: "1", TaskName: "task", TaskUUID: "2",
			Created: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC), Root: "s3://root",
		},
		Path: func(a ir.Artifact) string { return strings.Replace(a.URI, "s3://", "/s3/", 1) },
	}
}

func TestResolve(t *testing.T) {
	tests := map[string]string{
		"plain":                                                      "plain",
		"{{$}}":                                                      `{"inputs":{}}`,
		"a {{$.inputs.parameters['text']}}!":                         "a hi!",
		"{{$.inputs.parameters[''text'']}}":                          "hi",
		`{{$.inputs.parameters["number"]}}`:                          "3",
		"{{$.inputs.parameters['ratio']}}":                           "0.25",
		"{{$.inputs.parameters['big']}}":                             "1000000000000000000000",
		"{{$.inputs.parameters['flag']}}":                            "true",
		"{{$.inputs.parameters['nothing']}}":                         "null",
		"{{$.inputs.parameters['list']}}":                            `[1,"a<b"]`,
		"{{$.inputs.parameters['sneaky']}}":                          "{{$.inputs.parameters['text']}}",
		"{{$.inputs.artifacts['data'].uri}}":                         "s3://b/d",
		"{{$.inputs.artifacts['data'].path}}":                        "/s3/b/d",
		"{{$.inputs.artifacts['data'].name}}":                        "d",
		"{{$.outputs.artifacts['model'].uri}}":                       "s3://b/m",
		"{{$.outputs.artifacts['model'].path}}/x":                    "/s3/b/m/x",
		"{{$.inputs.artifacts['data'].metadata['rows']}}":            "7",
		"{{$.inputs.artifacts['data'].metadata}}":                    `{"rows":7}`,
		"{{$.inputs.artifacts['data']}}":                             `{"metadata":{"rows":7},"name":"d","type":{"schemaTitle":"system.Dataset"},"uri":"s3://b/d"}`,
		"{{$.outputs.parameters['sum'].output_file}}":                "/t/sum",
		"{{$.outputs.output_file}}":                                  "/t/executor_output.json",
		"{{$.pipeline_job_name}}/{{$.pipeline_job_uuid}}":            "job/1",
		"{{$.pipeline_job_resource_name}}":                           "p-1",
		"{{$.pipeline_task_name}}{{$.pipeline_task_uuid}}":           "task2",
		"{{$.pipeline_job_create_time_utc}}":                         "2024-05-06T07:08:09Z",
		"{{$.pipeline_job_schedule_time_utc}}":                       "2024-05-06T07:08:09Z",
		"{{$.pipeline_root}}":                                        "s3://root",
		"{{ .Values.x }} {{$.Values.x}} {{$x}} ${A}":                 "{{ .Values.x }} {{$.Values.x}} {{$x}} ${A}",
		"{{$.inputs.parameters['pipelinechannel--up-Output']}}{{$}}": `up{"inputs":{}}`,
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			got, err := scope().Resolve(text)
			if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestResolveRefuses(t *testing.T) {
	for _, ref := range []string{
		"{{$.inputs.parameters['absent']}}", "{{$.inputs.artifacts['absent'].uri}}", "{{$.inputs.artifacts['none'].uri}}",
		"{{$.outputs.parameters['absent'].output_file}}", "{{$.outputs.artifacts['absent'].path}}", "{{$.workspace_path}}",
		"{{$.pipeline_moon_phase}}", "{{$.inputs.artifacts['data'].size}}", "{{$.inputs.artifacts['data'].metadata['x']}}",
		"{{$.inputs}}", "{{$.inputs.parameters['text'}}", "{{$.inputs..x}}",
	} {
		t.Run(ref, func(t *testing.T) {
			got, err := scope().Resolve("before " + ref)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), ref) {
				t.Errorf("got %q, %v; want an error that quotes the reference", got, err)
			}
		})
	}
}

func TestResolveArgs(t *testing.T) {
	tests := []struct {
		arg  string
		want []string
	}{
		{`{"IfPresent": {"InputName": "text", "Then": ["--t", "{{$.inputs.parameters['text']}}"]}}`, []string{"--t", "hi"}},
		{`{"IfPresent": {"InputName": "absent", "Then": ["--t"], "Else": "e"}}`, []string{"e"}},
		{`{"IfPresent": {"InputName": "absent", "Then": ["--t"]}}`, []string{}},
		{`{"IfPresent": {"InputName": "nothing", "Then": "x", "Else": null}}`, []string{}},
		{`{"IfPresent": {"InputName": "data", "Then": {"Concat": ["a=", "{{$.inputs.artifacts['data'].uri}}"]}}}`, []string{"a=s3://b/d"}},
		{`{"IfPresent": {"InputName": "none", "Then": "x", "Else": "y"}}`, []string{"y"}},
		{`{"Concat": ["a", {"IfPresent": {"InputName": "absent", "Then": "b"}}, {"Concat": ["c", "d"]}]}`, []string{"acd"}},
		{`{"other": "JSON"}`, []string{`{"other": "JSON"}`}},
		{"", []string{""}},
	}
	for _, tt := range tests {
		t.Run(tt.arg, func(t *testing.T) {
			got, err := scope().ResolveArgs([]string{tt.arg})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	for _, broken := range []string{`{"Concat": [`, `{"Concat": [1]}`, `{"IfPresent": null}`} {
		if got, err := scope().ResolveArgs([]string{broken}); err == nil {
			t.Errorf("%s: got %q, want an error", broken, got)
		}
	}
}

func TestResolveInputs(t *testing.T) {
	s := scope()
	s.Inputs.Parameters = map[string]any{
		"a": "{{$.inputs.parameters['b']}}-a", "b": "{{$.inputs.parameters['c']}}-b", "c": "c {{$.pipeline_job_name}}",
		"deep": []any{map[string]any{"k": "{{$.inputs.parameters['c']}}"}}, "data": "{{$.unknown}} {{$}}",
	}
	got, err := s.ResolveInputs()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": "c job-b-a", "b": "c job-b", "c": "c job",
		"deep": []any{map[string]any{"k": "c job"}}, "data": "{{$.unknown}} {{$}}",
	}
	if !reflect.DeepEqual(got.Parameters, want) {
		t.Errorf("got %v, want %v", got.Parameters, want)
	}
}

func TestResolveInputsWithoutJob(t *testing.T) {
	s := &Scope{Inputs: ir.Values{Parameters: map[string]any{"a": "{{$.pipeline_job_name}}"}}}
	got, err := s.ResolveInputs()
	if err != nil {
		t.Fatal(err)
	}
	if got.Parameters["a"] != "{{$.pipeline_job_name}}" {
		t.Errorf("got %q; a reference to the job is left to the task", got.Parameters["a"])
	}
}

func TestResolveInputsCircle(t *testing.T) {
	s := &Scope{Inputs: ir.Values{Parameters: map[string]any{
		"a": "{{$.inputs.parameters['b']}}", "b": "{{$.inputs.parameters['a']}}",
	}}}
	if _, err := s.ResolveInputs(); err == nil || !strings.Contains(err.Error(), "a -> b -> a") {
		t.Errorf("got %v, want the circle", err)
	}
}

func FuzzResolveArgs(f *testing.F) {
	f.Add("{{$.inputs.parameters['text']}}")
	f.Add(`{"Concat": ["a", {"IfPresent": {"InputName": "text", "Then": "b"}}]}`)
	f.Add("{{$.inputs.artifacts['data'].metadata['rows']}}")
	f.Fuzz(func(t *testing.T, arg string) {
		if _, err := scope().ResolveArgs([]string{arg}); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", arg, err)
		}
	})
}

func TestPlaceholdersAreNotNestedForEver(t *testing.T) {
	nested := func(depth int) string {
		return strings.Repeat(`{"Concat": [`, depth) + `"a"` + strings.Repeat(`]}`, depth)
	}
	if got, err := scope().ResolveArgs([]string{nested(20)}); err != nil || got[0] != "a" {
		t.Errorf("20 deep: %q, %v", got, err)
	}
	if _, err := scope().ResolveArgs([]string{nested(5000)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("5000 deep: %v", err)
	}
}

func FuzzResolveInputs(f *testing.F) {
	f.Add("{{$.inputs.parameters['b']}}", "{{$.inputs.parameters['a']}}")
	f.Add("{{$.pipeline_job_uuid}}/{{$}}", `{{$.inputs.artifacts["data"].path}}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		s := scope()
		s.Inputs.Parameters = map[string]any{"a": a, "b": []any{b, map[string]any{"c": a}}}
		if _, err := s.ResolveInputs(); err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%q, %q: %v", a, b, err)
		}
	})
}
