package engine_test

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// BenchmarkChain is what the engine adds to a step: workloads end at once.
func BenchmarkChain(b *testing.B) {
	const length = 100
	w := newWorld(b)
	w.agent.program = func(workload *gpuagentv1.Workload) *gpuagentv1.WorkloadStatus {
		returns := workload.GetSpec().GetGroups()[0].GetTemplate().GetStaging().GetReturns()
		return succeeded(map[string]string{returns[len(returns)-1].GetPath(): "x"})
	}
	w.start()
	spec := chain(length)
	for b.Loop() {
		w.archived(w.create(spec, nil))
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*length), "µs/step")
}
