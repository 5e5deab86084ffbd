package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func TestOutputsThatAreLinks(t *testing.T) {
	base := t.TempDir()
	dirs := map[string]string{}
	for _, name := range []string{"task", "workspace", "input", "elsewhere"} {
		dirs[name] = filepath.Join(base, name)
		if err := os.Mkdir(dirs[name], 0o700); err != nil {
			t.Fatal(err)
		}
	}
	request := launch.Request{
		Run:    launch.Run{Workspace: dirs["workspace"]},
		Task:   launch.Task{Name: "step"},
		Layout: launch.Layout{TaskDir: dirs["task"]},
		Inputs: ir.Values{Artifacts: map[string][]ir.Artifact{"in": {{URI: dirs["input"]}}, "far": {{URI: "gs://b/k"}}}},
	}
	for target, refuse := range map[string]bool{
		"": false, "nowhere": false, dirs["workspace"]: false, dirs["input"]: false, ".": false,
		dirs["elsewhere"]: true, base: true,
	} {
		uri := filepath.Join(dirs["task"], "model")
		_ = os.Remove(uri) // it may not be there
		if target != "" {
			if err := os.Symlink(target, uri); err != nil {
				t.Fatal(err)
			}
		}
		err := checkLinks(request, ir.Values{Artifacts: map[string][]ir.Artifact{"model": {{URI: "gs://b/k"}, {URI: uri}}}})
		if (err != nil) != refuse || refuse && !strings.Contains(err.Error(), `output artifact "model"`) {
			t.Errorf("a link to %q: %v", target, err)
		}
	}
}
