package launch

import (
	"reflect"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

const dir = "/data/p/r1/step/t1/"

// written are the files of a step that wrote each parameter to its own file.
func written(executorOutput string) map[string]File {
	files := map[string]File{
		dir + ".parameters/total": {Content: []byte("7\n")},
		dir + ".parameters/word":  {Content: []byte("as is \n")},
		dir + ".parameters/yes":   {Content: []byte("True")},
		dir + ".parameters/parts": {Content: []byte(`[1, "two"]`)},
	}
	if executorOutput != "" {
		files[dir+"executor_output.json"] = File{Content: []byte(executorOutput)}
	}
	return files
}

func TestReadOutputs(t *testing.T) {
	got, err := ReadOutputs(request(t, "comp-step", nil), written(""))
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]any{"total": 7.0, "word": "as is \n", "yes": true, "parts": []any{1.0, "two"}}
	if !reflect.DeepEqual(got.Values.Parameters, parameters) {
		t.Errorf("the parameters are %v, want %v", got.Values.Parameters, parameters)
	}
	model := ir.Artifact{Name: "model", Type: "system.Model", URI: dir + "model", Metadata: map[string]any{"kind": "tree"}}
	if !reflect.DeepEqual(got.Values.Artifacts["model"], []ir.Artifact{model}) {
		t.Errorf("the model is %+v, want %+v", got.Values.Artifacts["model"], model)
	}
}

func TestReadOutputsMerges(t *testing.T) {
	got, err := ReadOutputs(request(t, "comp-step", nil), written(`{
		"parameterValues": {"total": 8, "word": 5, "other": 1},
		"artifacts": {"model": {"artifacts": [{"name": "", "uri": "gs://b/m", "metadata": {"depth": 3}}]}, "stray": {"artifacts": []}}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Values.Parameters; p["total"] != 8.0 || p["word"] != "5" || p["yes"] != true {
		t.Errorf("the parameters are %v", p)
	}
	model := got.Values.Artifacts["model"][0]
	if want := map[string]any{"kind": "tree", "depth": 3.0}; model.URI != "gs://b/m" || !reflect.DeepEqual(model.Metadata, want) {
		t.Errorf("the model is %+v", model)
	}
	if len(got.Warnings) != 2 {
		t.Errorf("the warnings are %q, want one for each undeclared output", got.Warnings)
	}
}

func TestArtifactPlaces(t *testing.T) {
	staged := Layout{TaskDir: strings.TrimSuffix(dir, "/"), TaskURI: "s3://b/t", InputDir: "/in"}
	inPlace := Layout{TaskDir: staged.TaskDir}
	tests := map[string]struct {
		layout Layout
		said   string
		uri    string // empty: refused
	}{
		"in place":         {inPlace, `"uri": "` + dir + `sub/m"`, dir + "sub/m"},
		"staged":           {staged, `"uri": "` + dir + `m"`, "s3://b/t/m"},
		"custom path":      {staged, `"uri": "` + dir + `model", "custom_path": "` + dir + `c"`, "s3://b/t/c"},
		"remote":           {inPlace, `"uri": "gs://b/m"`, "gs://b/m"},
		"passed on":        {inPlace, `"uri": "/in/data"`, "/in/data"},
		"part passed on":   {inPlace, `"uri": "/in/data/x"`, "/in/data/x"},
		"in the workspace": {inPlace, `"uri": "/ws/m"`, "/ws/m"},
		"outside":          {inPlace, `"uri": "/etc/passwd"`, ""},
		"climbing":         {inPlace, `"uri": "` + dir + `../t2/m"`, ""},
		"neighbour":        {inPlace, `"custom_path": "` + strings.TrimSuffix(dir, "/") + `2/m"`, ""},
		"relative":         {inPlace, `"uri": "m"`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := request(t, "comp-step", nil)
			req.Layout, req.Run.Workspace = tt.layout, "/ws"
			req.Inputs.Artifacts = map[string][]ir.Artifact{"data": {{URI: "/in/data"}}}
			got, err := ReadOutputs(req, written(`{"artifacts": {"model": {"artifacts": [{`+tt.said+`}]}}}`))
			if tt.uri == "" {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), `output artifact "model"`) {
					t.Errorf("got %+v, %v; want a refusal", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if uri := got.Values.Artifacts["model"][0].URI; uri != tt.uri {
				t.Errorf("kept at %s, want %s", uri, tt.uri)
			}
		})
	}
}

func TestReadOutputsRefuses(t *testing.T) {
	file := func(name string, f File) func(map[string]File) {
		return func(files map[string]File) { files[dir+name] = f }
	}
	tests := map[string]struct {
		change func(map[string]File)
		want   string
	}{
		"missing":          {func(files map[string]File) { delete(files, dir+".parameters/total") }, `"total"`},
		"mistyped file":    {file(".parameters/total", File{Content: []byte("seven")}), `the text "seven"`},
		"fraction":         {file(".parameters/total", File{Content: []byte("7.5")}), "NUMBER_INTEGER"},
		"not a list":       {file(".parameters/parts", File{Content: []byte("{}")}), "LIST"},
		"large parameter":  {file(".parameters/word", File{TooLarge: true}), "artifact"},
		"malformed":        {file("executor_output.json", File{Content: []byte("{")}), "malformed"},
		"wrong shape":      {file("executor_output.json", File{Content: []byte(`{"artifacts": []}`)}), "malformed"},
		"large":            {file("executor_output.json", File{TooLarge: true}), "more than the 64 MiB"},
		"mistyped written": {file("executor_output.json", File{Content: []byte(`{"parameterValues": {"total": "x"}}`)}), "NUMBER_INTEGER"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			files := written("")
			tt.change(files)
			got, err := ReadOutputs(request(t, "comp-step", nil), files)
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %+v, %v; want a refusal with %q", got, err, tt.want)
			}
		})
	}
}

func FuzzReadOutputs(f *testing.F) {
	f.Add([]byte(`{"parameterValues": {"total": 8}, "artifacts": {"model": {"artifacts": [{"uri": "/x", "custom_path": ""}]}}}`), []byte("7"))
	f.Add([]byte(``), []byte(`True`))
	req := request(f, "comp-step", nil)
	f.Fuzz(func(t *testing.T, executorOutput, parameter []byte) {
		files := written("")
		files[dir+"executor_output.json"] = File{Content: executorOutput}
		files[dir+".parameters/total"] = File{Content: parameter}
		got, err := ReadOutputs(req, files)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		for _, a := range got.Values.Artifacts["model"] {
			if strings.HasPrefix(a.URI, "/") && !within(a.URI, req.Layout.TaskDir) {
				t.Errorf("the model is at %s", a.URI)
			}
		}
	})
}
