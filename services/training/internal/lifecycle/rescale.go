package lifecycle

import (
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Rescaling is another number of replicas that a group of a workload is to have.
type Rescaling struct {
	Group string
	Count int32
}

// Rescale says how a workload comes to the numbers of replicas that its job is to have while it
// runs on. It does not when anything but the number of its last group differs, when that is not
// independent, or when its replicas were told of other bounds than the job now has.
func Rescale(job *trainingv1.TrainingJob, w *gpuagentv1.Workload) (Rescaling, bool) {
	asked := map[string]*trainingv1.JobGroup{}
	for _, g := range job.GetSpec().GetGroups() {
		if g.GetStage() == job.GetStatus().GetStage() && g.GetCount() > 0 {
			asked[g.GetName()] = g
		}
	}
	groups := w.GetSpec().GetGroups()
	if len(groups) == 0 || len(asked) != len(groups) {
		return Rescaling{}, false
	}
	last := groups[len(groups)-1]
	for _, g := range groups[:len(groups)-1] {
		if asked[g.GetName()].GetCount() != max(g.GetCount(), 1) {
			return Rescaling{}, false
		}
	}
	to := asked[last.GetName()]
	if to.GetCount() == max(last.GetCount(), 1) || !to.GetIndependent() || !last.GetIndependent() || !knows(last, job.GetSpec().GetElastic()) {
		return Rescaling{}, false
	}
	return Rescaling{Group: to.GetName(), Count: to.GetCount()}, true
}

// boundsName is the variable by which replicas of an elastic job know its bounds.
const boundsName = "PET_NNODES"

// knows reports whether the replicas of a group were told of the bounds of their job, if it
// has any.
func knows(g *gpuagentv1.ReplicaGroup, bounds *trainingv1.ElasticPolicy) bool {
	told := ""
	for _, v := range g.GetTemplate().GetEnv() {
		if v.GetName() == boundsName {
			told = v.GetValue()
		}
	}
	return bounds == nil || told == fmt.Sprintf("%d:%d", bounds.GetMinReplicas(), bounds.GetMaxReplicas())
}

// rescales reports whether the job comes to other numbers of replicas while it runs on.
func (s *stepper) rescales() bool {
	_, can := Rescale(&trainingv1.TrainingJob{Spec: s.spec, Status: s.status}, s.workload)
	return can
}

// says is what the workload says of itself, or else which of its replicas do not run yet or
// are to go.
func (s *stepper) says() string {
	status := s.workload.GetStatus()
	if status.GetMessage() != "" || status.GetPhase() != gpuagentv1.Phase_PHASE_RUNNING {
		return status.GetMessage()
	}
	for _, r := range status.GetReplicas() {
		switch name := fmt.Sprintf("%s-%d", r.GetGroup(), r.GetIndex()); {
		case r.GetPhase() == gpuagentv1.Phase_PHASE_PENDING && r.GetMessage() != "":
			return name + ": " + r.GetMessage()
		case r.GetLeaving() && !replicaOver(r):
			return name + " is stopped: there are to be fewer replicas"
		}
	}
	return ""
}
