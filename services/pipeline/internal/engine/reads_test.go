package engine

import (
	"slices"
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

func TestReads(t *testing.T) {
	l := &launch.Launch{Inputs: ir.Values{Artifacts: map[string][]ir.Artifact{
		"a": {{URI: "/blobs/artifacts/x"}, {URI: "/mine/x"}, {URI: "/mine/x"}},
		"b": {{URI: "file:///data/y/"}, {URI: "s3://bucket/z"}, {URI: "/blobs-of-another/x"}, {URI: "gs"}},
	}}}
	layout := launch.Layout{TaskDir: "/mine/t", InputDir: workdir + "/inputs"}
	if got, want := readsOf(layout, l, "/blobs"), []string{"/blobs-of-another/x", "/data/y", "/mine/x"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := readsOf(layout, &launch.Launch{}, ""); got != nil {
		t.Errorf("got %q of no inputs", got)
	}
}
