package cli

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// withOriginal makes the newest run one of a stored version, with parameters.
func withOriginal(t *testing.T) *fake {
	t.Helper()
	f := populated(t)
	f.runs[0].ExperimentId = experimentID
	f.runs[0].RuntimeConfig = &pipelinev1.RuntimeConfig{
		PipelineRoot: "/data/root",
		Parameters:   map[string]*structpb.Value{"epochs": structpb.NewNumberValue(3)},
	}
	f.runs[0].PipelineSource = &pipelinev1.Run_PipelineVersionReference{
		PipelineVersionReference: &pipelinev1.PipelineVersionReference{PipelineId: pipelineID, PipelineVersionId: versionID},
	}
	return f
}

func TestCloneIsLikeItsOriginal(t *testing.T) {
	f := withOriginal(t)
	if r := invoke(t, f, "clone", "last"); r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	run, of := created(t, f), f.runs[0]
	if run.GetExperimentId() != experimentID || run.GetRuntimeConfig().GetPipelineRoot() != "/data/root" ||
		run.GetRuntimeConfig().GetParameters()["epochs"].GetNumberValue() != 3 {
		t.Errorf("the clone is %v", run)
	}
	if got := run.GetPipelineVersionReference().GetPipelineVersionId(); got != versionID {
		t.Errorf("the clone is of version %q", got)
	}
	if got, want := run.GetDisplayName(), "clone of "+of.GetDisplayName(); got != want {
		t.Errorf("the clone is called %q, want %q", got, want)
	}
}

func TestCloneDiffersAsAsked(t *testing.T) {
	f := withOriginal(t)
	r := invoke(t, f, "clone", "last", "-p", "epochs=5", "--name", "longer", "--pipeline-root", "/other", "-e", "fresh", "--no-cache")
	if r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	run := created(t, f)
	if run.GetDisplayName() != "longer" || run.GetExperimentId() != "new-experiment" ||
		run.GetRuntimeConfig().GetPipelineRoot() != "/other" || run.GetRuntimeConfig().GetParameters()["epochs"].GetNumberValue() != 5 {
		t.Errorf("the clone is %v", run)
	}
	if text := protojson.Format(run.GetPipelineSpec()); strings.Contains(text, "true") || !strings.Contains(text, "enableCache") {
		t.Errorf("caching is still on:\n%s", text)
	}
}

func TestCloneOfADeletedVersionHasItsSpec(t *testing.T) {
	f := withOriginal(t)
	f.runs[0].GetPipelineVersionReference().PipelineVersionId = "deleted"
	if r := invoke(t, f, "clone", "last"); r.status != exitOK {
		t.Fatalf("status %d: %s", r.status, r.err)
	}
	if created(t, f).GetPipelineSpec() == nil {
		t.Error("the clone has no spec")
	}
}

func TestCloneAndRetryRefusals(t *testing.T) {
	for args, mention := range map[string]string{
		"clone last -p colour=red":        "colour",
		"clone pipeline breast-cancer":    "only runs",
		"clone nonsense":                  "nonsense",
		"retry pipeline breast-cancer":    "only runs",
		"retry good bad --follow":         "--follow",
		"delete pipeline x y --artifacts": "--artifacts",
	} {
		t.Run(args, func(t *testing.T) {
			r := invoke(t, withOriginal(t), strings.Fields(args)...)
			if r.status == exitOK || !strings.Contains(r.err, mention) {
				t.Errorf("status %d: %s", r.status, r.err)
			}
		})
	}
}
