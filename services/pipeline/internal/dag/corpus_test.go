package dag

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// TestCorpus plans every compiled pipeline below $KFMESH_CORPUS with steps that
// make something of the declared type: all tasks must end. Whether the run then
// succeeds is up to the pipeline, so it is only logged.
func TestCorpus(t *testing.T) {
	dir := os.Getenv("KFMESH_CORPUS")
	if dir == "" {
		t.Skip("KFMESH_CORPUS does not name a folder of compiled pipelines")
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".yaml") {
			return err
		}
		t.Run(strings.TrimSuffix(d.Name(), ".yaml"), func(t *testing.T) { planFile(t, path) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func planFile(t *testing.T, path string) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spec, err := ir.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	parameters := map[string]any{}
	for name, def := range spec.Root.InputDefinitions.Parameters {
		if !def.HasDefault && !def.IsOptional {
			parameters[name] = sample(def.ParameterType)
		}
	}
	w := newWorld(spec, parameters, func(l Launch) Result {
		out := ir.Values{Parameters: map[string]any{}, Artifacts: map[string][]ir.Artifact{}}
		for name, def := range l.Component.OutputDefinitions.Parameters {
			out.Parameters[name] = sample(def.ParameterType)
		}
		for name := range l.Component.OutputDefinitions.Artifacts {
			out.Artifacts[name] = []ir.Artifact{{Name: name, URI: "/" + l.Path}}
		}
		return Result{Verdict: Succeeded, Outputs: out}
	})
	if outcome := w.run(t); outcome.State != pipelinev1.RuntimeState_SUCCEEDED {
		t.Logf("the run ended %s: %s", outcome.State, outcome.Message)
	}
}

func sample(kind ir.ParameterType) any {
	switch kind {
	case ir.NumberDouble, ir.NumberInteger:
		return 1.0
	case ir.Boolean:
		return true
	case ir.List:
		return []any{"a", "b"}
	case ir.Struct:
		return map[string]any{"a": "b", "A_a": "1", "B_b": "2"}
	default:
		return "text"
	}
}
