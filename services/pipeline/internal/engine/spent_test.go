package engine_test

import (
	"fmt"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// TestWorkloadsOfALongRunGoBeforeIt holds a run open at its last step: of those
// before it only the latest workloads are left, and none was started twice.
func TestWorkloadsOfALongRunGoBeforeIt(t *testing.T) {
	t.Parallel()
	const length, kept = 30, 4
	w := newWorld(t)
	w.config.KeptWorkloads = kept
	last := fmt.Sprintf("s%d", length-1)
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		if workload.GetMetadata().GetAnnotations()["kfmesh.dev/task-path"] == last {
			return nil
		}
		return obey(workload)
	}
	w.start()
	id := w.create(chain(length), nil)
	w.workload(last)
	w.eventually("the early workloads go", func() bool { return len(w.agent.names()) == kept+1 })
	w.stop()
	w.start() // which knows of the steps that have no workload from their records
	w.endRunning()
	w.archived(id)
	for name, starts := range w.agent.starts() {
		if starts != 1 {
			t.Errorf("%s was started %d times", name, starts)
		}
	}
}
