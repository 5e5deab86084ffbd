package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func TestVisible(t *testing.T) {
	own, imported := t.TempDir(), filepath.Join(t.TempDir(), "data.csv")
	bucket, err := blob.Open(t.Context(), own)
	if err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(own, "made")
	for _, file := range []string{imported, inside} {
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := &Engine{deps: Deps{Bucket: bucket}}
	got := e.visible(launch.Request{Inputs: ir.Values{Artifacts: map[string][]ir.Artifact{
		"a": {{URI: imported}, {URI: inside}, {URI: "gs://b/k"}, {URI: "/not/there"}},
	}}})
	if want := []launch.Transfer{{URI: imported, Path: imported}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
