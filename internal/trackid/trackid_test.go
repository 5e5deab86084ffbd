package trackid_test

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/internal/trackid"
)

// The ids are part of what is stored, so they may never change.
func TestIDsStay(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{trackid.Run("0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"), "0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f"},
		{trackid.Task("0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"), "30913bae2a1d8f0badec5d7403255a28"},
		{trackid.Model("0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"), "m-607d44249cec87c9202ffca25a7382a8"},
		{trackid.Experiment("default", "any", "Default"), "0"},
		{trackid.Experiment("", "any", "Default"), "0"},
		{trackid.Experiment("team", "0b6c2ff4", "Default"), "317706486827471829"},
	} {
		if tt.got != tt.want {
			t.Errorf("id is %q, want %q", tt.got, tt.want)
		}
	}
}

func TestShapes(t *testing.T) {
	task, experiment := regexp.MustCompile(`^[0-9a-f]{12}8[0-9a-f]{19}$`), regexp.MustCompile(`^[1-9][0-9]{17}$`)
	rapid.Check(t, func(t *rapid.T) {
		id := rapid.String().Draw(t, "id")
		if got := trackid.Task(id); !task.MatchString(got) || !trackid.Derived(got) {
			t.Errorf("task %q gives %q", id, got)
		}
		if got := trackid.Experiment("default", id, "mine"); !experiment.MatchString(got) {
			t.Errorf("experiment %q gives %q", id, got)
		}
	})
	if trackid.Derived("0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f") {
		t.Error("an id with a random UUID is taken for a derived one")
	}
}
