package launch

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// schedule says when and where a workload of a job has its place.
func schedule(spec *gpuagentv1.WorkloadSpec, j *kind.Job) {
	s := j.Spec().GetRunPolicy().GetScheduling()
	spec.Queue, spec.Priority, spec.PriorityClass = s.GetQueue(), s.GetPriority(), s.GetPriorityClass()
	spec.GangMin = s.GetMinAvailable()
	if spec.GetGangMin() == 0 {
		spec.GangMin = fewest(j)
	}
	if s.GetFailWhenUnsatisfiable() {
		spec.WhenUnsatisfiable = gpuagentv1.WhenUnsatisfiable_WHEN_UNSATISFIABLE_FAIL
	}
}

// fewest is how many replicas an elastic job begins with at least; 0 for all.
func fewest(j *kind.Job) int32 {
	e := j.PyTorch.Elastic
	if e == nil {
		return 0
	}
	n := e.Min
	for i := range j.Replicas {
		if !j.Replicas[i].Independent {
			n += j.Replicas[i].Count
		}
	}
	return n
}
