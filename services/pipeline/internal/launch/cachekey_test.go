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
		"environment":            {func(r *Request) { container(r).Env = nil }, false},
		"place of known content": {func(r *Request) { r.Inputs.Artifacts["data"][0].URI = "/in/e" }, true},
		"parameter":              {func(r *Request) { r.Inputs.Parameters["count"] = 2.0 }, false},
		"default given":          {func(r *Request) { r.Inputs.Parameters["text"] = "hello" }, false},
		"image":                  {func(r *Request) { container(r).Image = "other" }, false},
		"arguments":              {func(r *Request) { container(r).Args = nil }, false},
		"one command line":       {func(r *Request) { c := container(r); c.Command, c.Args = append(c.Command, c.Args...), nil }, true},
		"given to the image":     {func(r *Request) { c := container(r); c.Command, c.Args = nil, append(c.Command, c.Args...) }, false},
		"content":                {func(r *Request) { r.Inputs.Artifacts["data"][0].Digest = "sha256:bb" }, false},
		"name of the artifact":   {func(r *Request) { r.Inputs.Artifacts["data"][0].Name = "other" }, false},
		"unknown content":        {func(r *Request) { r.Inputs.Artifacts["data"][0].Digest = "" }, false},
		"no metadata":            {func(r *Request) { r.Inputs.Artifacts["data"][0].Metadata = map[string]any{} }, true},
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

// TestCacheKeyOfUnknownContent: what has no digest is known by where it is and
// when it was written, or by what a bucket knows of its content.
func TestCacheKeyOfUnknownContent(t *testing.T) {
	at := func(uri, stamp string) string {
		return key(t, func(r *Request) {
			r.Inputs.Artifacts["data"][0] = ir.Artifact{Name: "d", URI: uri}
			r.Stamps = map[string]string{uri: stamp}
		}, "")
	}
	if at("/a", "1") == at("/a", "2") {
		t.Error("what was written anew in place counts as the same")
	}
	if at("/a", "1") == at("/b", "1") {
		t.Error("two places count as one")
	}
	if at("s3://b/x", ContentStamp+"1") != at("s3://b/y", ContentStamp+"1") || at("s3://b/x", ContentStamp+"1") == at("s3://b/x", ContentStamp+"2") {
		t.Error("what a bucket knows of the content does not count")
	}
}

// TestFingerprintIsThatOfKFP: the inputs and fingerprints are those of
// TestGenerateFingerPrint in kubeflow/pipelines 2.3, backend/src/v2/cacheutils.
func TestFingerprintIsThatOfKFP(t *testing.T) {
	const schema = "title: kfp.Model\ntype: object\nproperties:\n  framework:\n    type: string\n  framework_version:\n    type: string\n"
	tests := map[string]cacheInput{
		"0a4cc1f15cdfad5170e1358518f7128c5278500a670db1b9a3f3d83b93db396e": {
			InputArtifacts:   map[string]cacheNames{"dataset": {[]string{"10"}}},
			OutputParameters: map[string]ir.ParameterType{"output_parameter": "DOUBLE"},
			Container:        cacheContainer{Image: "python:3.9", CmdArgs: []string{"sh", "ec", "run"}},
		},
		"4e8a5d7d70997b0a35429fcd481af8fcd5b9f58ef4391bdb6ad900fd1c63622b": {
			InputArtifacts:  map[string]cacheNames{"dataset_one": {[]string{"1"}}, "dataset_two": {[]string{"2"}}},
			InputParameters: map[string]any{"message": "Some string value", "num_steps": 5.0},
			OutputArtifacts: map[string]cacheArtifact{
				"model":   {Name: "model", Type: cacheType{InstanceSchema: schema}, Metadata: map[string]any{"name": "model"}},
				"metrics": {Name: "metrics", Type: cacheType{SchemaTitle: "kfp.Metrics"}, Metadata: map[string]any{"name": "metrics"}},
			},
			OutputParameters: map[string]ir.ParameterType{"output_parameter_one": "STRING", "output_parameter_two": "INT"},
			Container:        cacheContainer{Image: "python:3.9", CmdArgs: []string{"sh", "ec", "test"}},
		},
	}
	for want, in := range tests {
		if got, err := in.fingerprint(); err != nil || got != want {
			t.Errorf("fingerprint %s, %v; want %s", got, err, want)
		}
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
