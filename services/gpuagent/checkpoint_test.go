package gpuagent_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// TestCheckpointsFollowWhateverClocksSay has a node whose files are of the future, and of
// the past, take up what another has stored since.
func TestCheckpointsFollowWhateverClocksSay(t *testing.T) {
	for name, off := range map[string]string{"ahead": "+3 hours", "behind": "-3 hours"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			head := c.head.start()
			count := func(name, node, date string) string {
				w := gang(name, `cd "$CHECKPOINTS"; n=$(($(cat n 2>/dev/null || echo 0) + 1)); echo $n; echo $n >n; touch -d "$DATE" n`, node)
				w.Spec.Keep = "training"
				template := w.Spec.Groups[0].Template
				template.Env = append(template.Env, &gpuagentv1.EnvVar{Name: "CHECKPOINTS", Value: "${keep}/checkpoints"}, &gpuagentv1.EnvVar{Name: "DATE", Value: date})
				template.Staging = &gpuagentv1.Staging{Directories: []string{"${keep}/checkpoints"}}
				head.submit(w)
				if s := head.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
					t.Fatalf("%v", s)
				}
				return head.logOf(name, node)
			}
			for i, step := range []struct{ node, date string }{
				{"n1", off}, {"n2", off}, {"n3", "now"}, {"n3", "now"}, {"n2", off}, {"n2", off}, {"n1", "now"}, {"n3", "now"},
			} {
				if i == 1 { // until then the head is alone
					c.node(2).start()
					c.node(3).start()
					head.here("n1", "n2", "n3")
				}
				want := string(rune('1'+i)) + "\n"
				if got := count("w"+want[:1], step.node, step.date); got != want {
					t.Fatalf("run %d, on %s, counts %q", i+1, step.node, got)
				}
			}
		})
	}
}

// TestStoredCheckpointsThatNothingKeepsGo has a head find what the one before it was killed
// over, and leave what a workload keeps, what was left on purpose, and what is new.
func TestStoredCheckpointsThatNothingKeepsGo(t *testing.T) {
	n := newNode(t)
	a := n.start()
	for _, name := range []string{"used", "left"} {
		w := shell(name, "true")
		w.Spec.Keep = name
		a.submit(w)
		a.awaitEnd(name)
	}
	if _, err := a.DeleteWorkload(t.Context(), &gpuagentv1.DeleteWorkloadRequest{Name: "left", LeaveKept: true}); err != nil {
		t.Fatal(err)
	}
	a.end()
	dir, _ := n.blob.Local()
	old := time.Now().Add(-2 * time.Hour)
	stored := func(name string) string { return filepath.Join(dir, "kept", "default", name, "last.pt") }
	for _, name := range []string{"a-gone", "left", "new", "used", "z-gone"} {
		if err := n.blob.Put(t.Context(), "kept/default/"+name+"/last.pt", []byte("x")); err != nil {
			t.Fatal(err)
		}
		if name == "new" {
			continue
		}
		if err := os.Chtimes(stored(name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	n.start()
	gone := func(name string) bool {
		_, err := os.Lstat(stored(name))
		return os.IsNotExist(err)
	}
	eventually(t, "what nothing keeps is removed", func() bool { return gone("a-gone") && gone("z-gone") })
	for _, name := range []string{"left", "new", "used"} {
		if gone(name) {
			t.Errorf("%s is gone", name)
		}
	}
}
