package launch

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func TestBuild(t *testing.T) {
	req := request(t, "comp-step", map[string]any{"count": 3.0, "pipelinechannel--x": "kept"})
	req.Inputs.Artifacts = map[string][]ir.Artifact{"data": {{Name: "d", Type: "system.Dataset", URI: "/in/d"}}}
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	if l.Image != "img:hello" || !reflect.DeepEqual(l.Command, []string{"run"}) {
		t.Errorf("runs %s %v", l.Image, l.Command)
	}
	if want := []string{"--n=3", string(l.ExecutorInput), "/data/p/r1/step/t1/.parameters/total"}; !reflect.DeepEqual(l.Args, want) {
		t.Errorf("the arguments are %q, want %q", l.Args, want)
	}
	if want := []ir.EnvVar{{Name: "WHO", Value: "step"}}; !reflect.DeepEqual(l.Env, want) {
		t.Errorf("the environment is %v, want %v", l.Env, want)
	}
	if want := (Resources{CPUMilli: 3000, CPULimitMilli: 3000, MemoryBytes: 5e8, MemoryLimitBytes: 5e8}); l.Resources != want {
		t.Errorf("the resources are %+v, want %+v", l.Resources, want)
	}
	if len(l.Downloads)+len(l.Uploads) != 0 {
		t.Errorf("files in place are moved: %v %v", l.Downloads, l.Uploads)
	}
	var input map[string]map[string]any
	if err := json.Unmarshal(l.ExecutorInput, &input); err != nil {
		t.Fatal(err)
	}
	if want := map[string]any{"count": 3.0, "text": "hello", "pipelinechannel--x": "kept"}; !reflect.DeepEqual(input["inputs"]["parameterValues"], any(want)) {
		t.Errorf("the parameters are %v, want %v", input["inputs"]["parameterValues"], want)
	}
	if !strings.Contains(string(l.ExecutorInput), `"outputFile":"/data/p/r1/step/t1/executor_output.json"`) {
		t.Errorf("no output file in %s", l.ExecutorInput)
	}
}

func TestBuildMakesTheWorkspace(t *testing.T) {
	req := request(t, "comp-step", map[string]any{"count": 1.0, "text": "{{$.workspace_path}}/data"})
	req.Run.Workspace = "/data/p/r1/.workspace"
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Inputs.Parameters["text"]; got != "/data/p/r1/.workspace/data" {
		t.Errorf("the step is given %q", got)
	}
	if !slices.Contains(l.Directories, "/data/p/r1/.workspace") {
		t.Errorf("the workspace is not among the directories to make: %q", l.Directories)
	}
}

func TestBuildConverts(t *testing.T) {
	req := request(t, "comp-step", map[string]any{"count": 1.0, "text": []any{1.0, true}, "extra": nil})
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Inputs.Parameters["text"]; got != "[1,true]" {
		t.Errorf("text is %q, want the list as JSON", got)
	}
	if got := req.Inputs.Parameters["text"]; reflect.DeepEqual(got, "[1,true]") {
		t.Error("Build changed the request")
	}
}

func TestBuildRefuses(t *testing.T) {
	tests := map[string]struct {
		parameters map[string]any
		want       string
	}{
		"missing":       {nil, `the input parameter "count"`},
		"text":          {map[string]any{"count": "3"}, `the text "3"`},
		"fraction":      {map[string]any{"count": 2.5}, "NUMBER_INTEGER"},
		"not a list":    {map[string]any{"count": 1.0, "extra": map[string]any{}}, "LIST"},
		"negative CPUs": {map[string]any{"count": -1.0}, "resources.resourceCpuLimit"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Build(request(t, "comp-step", tt.parameters))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
		})
	}
}

func TestBuildStaged(t *testing.T) {
	req := request(t, "comp-step", map[string]any{"count": 1.0})
	req.Layout = Layout{TaskDir: "/w/task", TaskURI: "s3://b/p/r1/step", InputDir: "/w/in"}
	req.Inputs.Artifacts = map[string][]ir.Artifact{"data": {{URI: "s3://b/up/d.csv"}, {URI: "/plain"}, {URI: "https://h/x"}}}
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	if len(l.Downloads) != 1 || l.Downloads[0].URI != "s3://b/up/d.csv" || !strings.HasPrefix(l.Downloads[0].Path, "/w/in/") {
		t.Errorf("downloads %v", l.Downloads)
	}
	if want := []Transfer{{URI: "s3://b/p/r1/step", Path: "/w/task"}}; !reflect.DeepEqual(l.Uploads, want) {
		t.Errorf("uploads %v, want %v", l.Uploads, want)
	}
	if !strings.Contains(string(l.ExecutorInput), `"uri":"/w/task/model"`) {
		t.Errorf("the step is not told the local path: %s", l.ExecutorInput)
	}
}

func TestBuildSparesTheDirectoryOfAStepThatCannotWriteThere(t *testing.T) {
	written := ir.Definitions{Parameters: map[string]ir.ParameterDef{"out": {ParameterType: ir.String}}}
	for name, tt := range map[string]struct {
		outputs ir.Definitions
		args    []string
		env     []ir.EnvVar
		want    bool
	}{
		"told nothing":        {args: []string{"true"}},
		"with an output":      {outputs: written, want: true},
		"told everything":     {args: []string{"run", "--input={{$}}"}, want: true},
		"told its output":     {args: []string{"{{$.outputs.output_file}}"}, want: true},
		"told in a variable":  {env: []ir.EnvVar{{Name: "INPUT", Value: "{{$}}"}}, want: true},
		"told its id and run": {args: []string{"{{$.pipeline_task_uuid}}", "{{$.pipeline_job_uuid}}"}},
	} {
		req := request(t, "comp-step", nil)
		req.Spec.Components["comp-step"] = ir.Component{ExecutorLabel: "e", OutputDefinitions: tt.outputs}
		req.Spec.DeploymentSpec.Executors["e"] = ir.Executor{Container: &ir.Container{Image: "i", Args: tt.args, Env: tt.env}}
		l, err := Build(req)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if made, read := slices.Contains(l.Directories, req.Layout.TaskDir), slices.Contains(l.Returns, req.Layout.OutputFile()); made != tt.want || read != tt.want {
			t.Errorf("%s: directories %v, returns %v", name, l.Directories, l.Returns)
		}
	}
}

func TestImport(t *testing.T) {
	imported, err := Import(request(t, "comp-importer", map[string]any{"uri": "gs://b/x", "by": "me"}))
	if err != nil {
		t.Fatal(err)
	}
	want := ir.Artifact{
		Name: "artifact", Type: "system.Dataset", URI: "gs://b/x",
		Metadata: map[string]any{"by-me": []any{"r1"}, "size": 3.0},
	}
	if got := imported.Values.Artifacts["artifact"][0]; !reflect.DeepEqual(got, want) || !imported.Reimport {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if _, err := Import(request(t, "comp-importer", map[string]any{"uri": " ", "by": ""})); !fault.Is(err, fault.Invalid) {
		t.Errorf("an empty URI: got %v, want a refusal", err)
	}
}

func TestQuantity(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "2": 2000, "500m": 500, "0.1": 100, "1Ki": 1024 * 1000, "1k": 1e6, "1e2": 1e5, "100u": 1, " 3 ": 3000, "1E": 0,
	} {
		got, err := quantity("cpu", text, 1000)
		if text == "1E" { // one exa-core does not fit
			if err == nil {
				t.Errorf("%q: got %d, want a refusal", text, got)
			}
			continue
		}
		if err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"-1", "two", "1 Gi", "Gi", "NaN", "Inf", "0x10", "1GiB", "1_000"} {
		if got, err := quantity("memory", text, 1); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q is %d, %v; want a refusal", text, got, err)
		}
	}
}
