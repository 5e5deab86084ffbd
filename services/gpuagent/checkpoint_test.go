package gpuagent_test

import (
	"testing"

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
