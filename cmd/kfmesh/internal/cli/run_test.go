package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

const tiny = "testdata/pipeline.yaml"

// created is the run that the fake was asked to make.
func created(t *testing.T, f *fake) *pipelinev1.Run {
	t.Helper()
	for _, r := range f.requests {
		if create, ok := r.(*pipelinev1.CreateRunRequest); ok {
			return create.GetRun()
		}
	}
	t.Fatal("no run was asked for")
	return nil
}

func TestRunSendsPipelineAndParameters(t *testing.T) {
	f := populated(t)
	r := invoke(t, f, "run", tiny, "-p", "epochs=3", "-p", `layers=[64, "x"]`, "-p", "note=5", "--experiment", "Default", "--name", "mine")
	if r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	run := created(t, f)
	parameters := run.GetRuntimeConfig().GetParameters()
	if got := parameters["epochs"].GetNumberValue(); got != 3 {
		t.Errorf("epochs = %v, want the number 3", got)
	}
	if got := parameters["note"].GetStringValue(); got != "5" {
		t.Errorf("note = %q, want the text 5", got)
	}
	if got := parameters["layers"].GetListValue().GetValues(); len(got) != 2 {
		t.Errorf("layers = %v, want two values", got)
	}
	if run.GetExperimentId() != experimentID || run.GetDisplayName() != "mine" {
		t.Errorf("run is %q in experiment %q", run.GetDisplayName(), run.GetExperimentId())
	}
	if name := run.GetPipelineSpec().GetFields()["pipelineInfo"].GetStructValue().GetFields()["name"].GetStringValue(); name != "tiny" {
		t.Errorf("pipeline sent is %q", name)
	}
	if !strings.Contains(r.out, "kfmesh wait 9f2a1c3e") {
		t.Errorf("output does not say how to follow the run: %s", r.out)
	}
}

func TestRunMakesUnknownExperiment(t *testing.T) {
	f := populated(t)
	if r := invoke(t, f, "run", tiny, "-p", "epochs=1", "-e", "fresh"); r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if got := created(t, f).GetExperimentId(); got != "new-experiment" {
		t.Errorf("experiment is %q", got)
	}
}

func TestRunNoCacheTurnsCachingOff(t *testing.T) {
	f := populated(t)
	if r := invoke(t, f, "run", "--pipeline", "breast-cancer", "--no-cache"); r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	text := protojson.Format(created(t, f).GetPipelineSpec())
	if strings.Contains(text, "true") || !strings.Contains(text, "enableCache") {
		t.Errorf("caching is still on:\n%s", text)
	}
}

func TestRunStoredPipelineByReference(t *testing.T) {
	f := populated(t)
	if r := invoke(t, f, "run", "--pipeline", "breast-cancer", "--version", "v1", "-p", "epochs=2"); r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	reference := created(t, f).GetPipelineVersionReference()
	if reference.GetPipelineId() != pipelineID || reference.GetPipelineVersionId() != versionID {
		t.Errorf("reference is %v", reference)
	}
}

func TestRunFollowed(t *testing.T) {
	tests := []struct {
		name   string
		steps  []stage
		status int
	}{
		{name: "succeeds", status: exitOK, steps: []stage{
			{pipelinev1.RuntimeState_RUNNING, goodTasks(t, pipelinev1.RuntimeState_RUNNING)},
			{pipelinev1.RuntimeState_SUCCEEDED, goodTasks(t, pipelinev1.RuntimeState_SUCCEEDED)},
		}},
		{name: "fails", status: exitFailed, steps: []stage{
			{pipelinev1.RuntimeState_FAILED, populated(t).tasks[failedID]},
		}},
		{name: "canceled", status: exitFailed, steps: []stage{
			{pipelinev1.RuntimeState_CANCELED, goodTasks(t, pipelinev1.RuntimeState_CANCELED)},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := populated(t)
			f.steps = tt.steps
			r := invoke(t, f, "run", tiny, "-p", "epochs=3", "--follow")
			if r.status != tt.status {
				t.Errorf("status %d, want %d: %s", r.status, tt.status, r.err)
			}
			golden(t, "follow_"+tt.name, r.out)
		})
	}
}

func TestRunRefusals(t *testing.T) {
	tests := []struct {
		name, args string
		create     error
		status     int
		says       []string
	}{
		{name: "no file", args: "run", status: exitUsage, says: []string{"--pipeline"}},
		{name: "missing file", args: "run nowhere.yaml -p a=1", status: exitUsage, says: []string{"nowhere.yaml: there is no such file"}},
		{name: "python", args: "run train.py", status: exitUsage, says: []string{"kfp dsl compile --py train.py --output train.yaml"}},
		{name: "mistyped", args: "run " + tiny + " -p epochs=ten", status: exitUsage, says: []string{"-p epochs", "a whole number such as 3"}},
		{name: "fraction", args: "run " + tiny + " -p epochs=1.5", status: exitUsage, says: []string{"a whole number such as 3"}},
		{name: "missing parameter", args: "run " + tiny, status: exitUsage, says: []string{"-p epochs", "NUMBER_INTEGER"}},
		{
			name: "unknown parameter", args: "run " + tiny + " -p epochs=1 -p eopchs=1", status: exitUsage,
			says: []string{"-p eopchs", "it takes epochs, layers, note"},
		},
		{name: "no value", args: "run " + tiny + " -p epochs", status: exitUsage, says: []string{"name=value"}},
		{
			name: "several wrong", args: "run " + tiny + " -p epochs=x -p layers=3", status: exitUsage,
			says: []string{"invalid request\n  -p epochs   \"x\" is", "\n  -p layers   \"3\" is not a JSON list"},
		},
		{
			name: "refused by the server", args: "run " + tiny + " -p epochs=1", status: exitUsage,
			create: fault.Invalidf("root.dag.tasks.train.componentRef.name", "there is no component %q", "comp-x"),
			says:   []string{`root.dag.tasks.train.componentRef.name: there is no component "comp-x"`},
		},
		{
			name: "server fails", args: "run " + tiny + " -p epochs=1", status: exitFailed,
			create: fault.Exhaustedf("too many runs"), says: []string{"kfmesh: too many runs"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := populated(t)
			f.create = tt.create
			r := invoke(t, f, strings.Fields(tt.args)...)
			if r.status != tt.status {
				t.Errorf("status %d, want %d", r.status, tt.status)
			}
			for _, text := range tt.says {
				if !strings.Contains(r.err, text) {
					t.Errorf("error lacks %q:\n%s", text, r.err)
				}
			}
			if r.out != "" {
				t.Errorf("standard output has %q", r.out)
			}
		})
	}
}
