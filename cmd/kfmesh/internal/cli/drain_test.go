package cli

import (
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// busy has a job that can be moved, a step that cannot, and one elsewhere.
func busy(t *testing.T) *fake {
	f := populated(t)
	on := func(name, node string, moves bool, phase gpuagentv1.Phase) *gpuagentv1.Workload {
		return &gpuagentv1.Workload{
			Metadata: &metav1.ObjectMeta{Namespace: "team", Name: name}, Spec: &gpuagentv1.WorkloadSpec{Disruptible: moves},
			Status: &gpuagentv1.WorkloadStatus{Replicas: []*gpuagentv1.ReplicaStatus{{Node: node, Phase: phase}}},
		}
	}
	const runs, well = gpuagentv1.Phase_PHASE_RUNNING, gpuagentv1.Phase_PHASE_SUCCEEDED
	f.workloads = []*gpuagentv1.Workload{on("job", "laptop", true, runs), on("step", "laptop", false, runs), on("other", "n2", true, runs), on("old", "laptop", true, well)}
	return f
}

func TestDrainWaitsForTheNodeToBeEmpty(t *testing.T) {
	f := busy(t)
	r := invoke(t, f, "drain", "laptop", "--reason", "new fans")
	want := "cordoned node laptop\nmoving workload team/job\nwaiting for the end of workload team/step\ndrained node laptop\n"
	if r.status != exitOK || r.out != want {
		t.Errorf("status %d, %s\n%s", r.status, r.out, r.err)
	}
	asked, _ := f.requests[0].(*gpuagentv1.CordonNodeRequest)
	if !asked.GetDrain() || asked.GetReason() != "new fans" {
		t.Errorf("asked %v", asked)
	}
}

func TestDrainGivesUp(t *testing.T) {
	f := busy(t)
	f.looks = -1000
	r := invoke(t, f, "drain", "laptop", "--timeout", "1ms")
	if want := "after 1ms there still runs on node laptop, which stays cordoned: team/job, team/step"; r.status != exitFailed || !strings.Contains(r.err, want) {
		t.Errorf("status %d, %s", r.status, r.err)
	}
	if r := invoke(t, f, "drain", "nothing"); r.status != exitFailed || !strings.Contains(r.err, "node nothing does not exist") {
		t.Errorf("status %d, %s", r.status, r.err)
	}
}
