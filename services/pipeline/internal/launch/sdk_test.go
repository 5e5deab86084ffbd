package launch

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// tricky is text that a careless quoting or placeholder would damage.
const tricky = "it's {{$}}-ish <&> \u00e9"

// python is an interpreter with kfp, for the tests that run the real SDK.
func python(t *testing.T) string {
	t.Helper()
	path := os.Getenv("KFMESH_TEST_PYTHON")
	if path == "" {
		t.Skip("KFMESH_TEST_PYTHON names no Python interpreter with kfp")
	}
	return path
}

// compiled is testdata/steps.py as the SDK compiles it.
func compiled(t *testing.T, python string) *ir.Spec {
	t.Helper()
	file := filepath.Join(t.TempDir(), "steps.yaml")
	cmd := exec.CommandContext(t.Context(), python, "testdata/steps.py", file)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the pipeline does not compile: %v\n%s", err, out)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ir.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := ir.Validate(spec); err != nil {
		t.Fatal(err)
	}
	return spec
}

// execute runs a launch on this host, as the process runtime would, and reads
// its outputs back.
func execute(t *testing.T, python string, req Request, env ...string) *Outputs {
	t.Helper()
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range l.Directories {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	line := append(l.Command, l.Args...)
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(python)+":"+os.Getenv("PATH"))
	cmd.Env = append(cmd.Env, env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the step failed: %v\n%s", err, out)
	}
	files := map[string]File{}
	for _, path := range l.Returns {
		content, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[path] = File{Content: content}
	}
	outputs, err := ReadOutputs(req, files)
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// TestSDK runs components that the real SDK compiled and executes.
func TestSDK(t *testing.T) {
	python := python(t)
	spec := compiled(t, python)
	request := func(component string) Request {
		return Request{
			Spec: spec, Component: component,
			Run:    Run{ID: "run-1", Name: "steps now", PipelineName: "steps", Created: time.Now()},
			Task:   Task{ID: "task-1", Name: strings.TrimPrefix(component, "comp-")},
			Layout: Layout{TaskDir: filepath.Join(t.TempDir(), "task")},
		}
	}

	making := request("comp-make")
	making.Inputs.Parameters = map[string]any{
		"count": 1.0, "ratio": 1.0, "word": tricky, "flag": true,
		"items": []any{1.0, "two"}, "table": map[string]any{"k": []any{1.5}},
	}
	made := execute(t, python, making)
	if got := made.Values.Parameters; got["total"] != 2.0 || got["text"] != strings.ToUpper(tricky) || got["share"] != 0.5 || got["yes"] != false {
		t.Errorf("make returned %v", got)
	}
	if got := made.Values.Artifacts["scores"][0].Metadata["accuracy"]; got != 0.5 {
		t.Errorf("the accuracy is %v, want 0.5", got)
	}

	read := request("comp-read")
	read.Inputs.Artifacts = map[string][]ir.Artifact{
		"data":   made.Values.Artifacts["data"],
		"models": {{Type: "system.Model", URI: "/a/first"}, {Type: "system.Model", URI: "/a/second"}},
	}
	result := execute(t, python, read)
	if got, want := result.Values.Parameters["Output"], tricky+"3second"; got != want {
		t.Errorf("read returned %q, want %q", got, want)
	}
	moved := result.Values.Artifacts["moved"][0]
	if want := filepath.Join(read.Layout.TaskDir, "elsewhere"); moved.URI != want {
		t.Errorf("the moved artifact is at %s, want %s", moved.URI, want)
	}
}

// TestContainerComponent runs what the SDK makes of a container component.
func TestContainerComponent(t *testing.T) {
	python := python(t)
	req := Request{
		Spec: compiled(t, python), Component: "comp-shell", Task: Task{Name: "shell"},
		Inputs: ir.Values{Parameters: map[string]any{
			"pipelinechannel--word": tricky, "word": "say {{$.inputs.parameters['pipelinechannel--word']}}",
		}},
		Layout: Layout{TaskDir: filepath.Join(t.TempDir(), "task")},
	}
	log := filepath.Join(t.TempDir(), "out")
	outputs := execute(t, python, req, "OUT="+log, "LC_ALL=C.UTF-8")
	rest, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	if want := " --word=say " + tricky + " --none"; string(rest) != want {
		t.Errorf("the arguments were %q, want %q", rest, want)
	}
	copied, err := os.ReadFile(outputs.Values.Artifacts["copy"][0].URI)
	if err != nil || !bytes.Equal(copied, []byte("say "+tricky)) {
		t.Errorf("the copy is %q, %v", copied, err)
	}
	l, err := Build(req)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Resources{CPUMilli: 500, CPULimitMilli: 500, MemoryBytes: 1 << 30, GPUs: 2, GPUModel: "nvidia"}); l.Resources != want {
		t.Errorf("the resources are %+v, want %+v", l.Resources, want)
	}
}
