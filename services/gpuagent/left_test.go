package gpuagent_test

import (
	"os"
	"path/filepath"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// TestAKeptDirectoryIsLeft has a directory outlive the workload that kept it, and an agent that
// starts anew, until it is deleted.
func TestAKeptDirectoryIsLeft(t *testing.T) {
	n := newNode(t)
	a := n.start()
	for _, name := range []string{"left", "gone"} {
		w := shell(name, `mkdir -p "$KEEP/checkpoints"; echo x > "$KEEP/checkpoints/last"`)
		w.Spec.Keep = "of-" + name
		w.Spec.Groups[0].Template.Env = []*gpuagentv1.EnvVar{{Name: "KEEP", Value: "${keep}"}}
		a.submit(w)
		a.awaitEnd(name)
	}
	file := func(name string) string {
		return filepath.Join(n.dir, "agent/kept/default/of-"+name+"/checkpoints/last")
	}
	awaitFile(t, file("left"))
	for _, name := range []string{"left", "gone"} {
		if _, err := a.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: name, LeaveKept: name == "left"}); err != nil {
			t.Fatal(err)
		}
	}
	missing := func(path string) func() bool {
		return func() bool {
			_, err := os.Stat(path)
			return os.IsNotExist(err)
		}
	}
	eventually(t, "the other is gone", missing(file("gone")))
	a.end()
	a = n.start() // which sweeps up what nobody keeps
	a.submit(shell("later", "exit 0"))
	a.awaitEnd("later")
	awaitFile(t, file("left"))
	for range 2 { // as after an answer that was lost
		if _, err := a.DeleteKept(t.Context(), &gpuagentv1.DeleteKeptRequest{Keep: "of-left"}); err != nil {
			t.Fatal(err)
		}
	}
	if !missing(file("left"))() || !missing(filepath.Join(n.dir, "agent/left/default/of-left"))() {
		t.Error("something is left of it")
	}
}
