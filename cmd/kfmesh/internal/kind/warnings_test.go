package kind

import (
	"slices"
	"testing"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

func TestEqualWarningsAreOneLine(t *testing.T) {
	t.Parallel()
	tasks := []*pipelinev1.Task{
		{Path: "a", Warnings: []string{"no image", "no limit"}},
		{Path: "b"},
		{Path: "loop[0]/c", Warnings: []string{"no image"}},
		{Path: "loop[1]/c", Warnings: []string{"no image"}},
	}
	want := []string{"a and 2 more: no image", "a: no limit"}
	if got := warningsOf(tasks); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
