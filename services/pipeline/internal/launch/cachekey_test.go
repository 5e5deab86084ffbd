package launch

import (
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

func key(t *testing.T, change func(*Request), customKey string) string {
	t.Helper()
	req := request(t, "comp-step", map[string]any{"count": 1.0})
	req.Inputs.Artifacts = map[string][]ir.Artifact{"data": {{Name: "d", URI: "/in/d", Digest: "sha256:aa"}}}
	change(&req)
	k, err := CacheKey(req, customKey)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func container(r *Request) *ir.Container {
	return r.Spec.DeploymentSpec.Executors["exec-step"].Container
}

func TestCacheKey(t *testing.T) {
	base := key(t, func(*Request) {}, "")
	tests := map[string]struct {
		change func(*Request)
		same   bool
	}{
		"another run":            {func(r *Request) { r.Run.ID, r.Task.ID, r.Layout.TaskDir = "r2", "t2", "/x" }, true},
		"environment":            {func(r *Request) { container(r).Env = nil }, true},
		"place of known content": {func(r *Request) { r.Inputs.Artifacts["data"][0].URI = "/in/e" }, true},
		"parameter":              {func(r *Request) { r.Inputs.Parameters["count"] = 2.0 }, false},
		"default given":          {func(r *Request) { r.Inputs.Parameters["text"] = "hello" }, false},
		"image":                  {func(r *Request) { container(r).Image = "other" }, false},
		"arguments":              {func(r *Request) { container(r).Args = nil }, false},
		"command and arguments":  {func(r *Request) { c := container(r); c.Command, c.Args = append(c.Command, c.Args...), nil }, false},
		"content":                {func(r *Request) { r.Inputs.Artifacts["data"][0].Digest = "sha256:bb" }, false},
		"unknown content":        {func(r *Request) { r.Inputs.Artifacts["data"][0].Digest = "" }, false},
		"metadata":               {func(r *Request) { r.Inputs.Artifacts["data"][0].Metadata = map[string]any{"a": 1.0} }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if same := key(t, tt.change, "") == base; same != tt.same {
				t.Errorf("same key: %v, want %v", same, tt.same)
			}
		})
	}
}

func TestCustomCacheKey(t *testing.T) {
	other := func(r *Request) { r.Inputs.Parameters["count"] = 9.0 }
	same := func(*Request) {}
	if key(t, same, "mine") != key(t, other, "mine") {
		t.Error("inputs count beside a key of the user's own")
	}
	if key(t, same, "mine") == key(t, same, "yours") || key(t, same, "mine") == key(t, same, "") {
		t.Error("different keys are the same")
	}
}
