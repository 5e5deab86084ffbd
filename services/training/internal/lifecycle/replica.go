package lifecycle

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// over reports whether a workload has ended.
func over(w *gpuagentv1.Workload) bool { return phaseOver(w.GetStatus().GetPhase()) }

func replicaOver(r *gpuagentv1.ReplicaStatus) bool { return phaseOver(r.GetPhase()) }

func phaseOver(p gpuagentv1.Phase) bool {
	return p == gpuagentv1.Phase_PHASE_SUCCEEDED || p == gpuagentv1.Phase_PHASE_FAILED || p == gpuagentv1.Phase_PHASE_STOPPED
}

// count counts the replicas of each type.
func (s *stepper) count() {
	counts := map[string]*trainingv1.ReplicaCounts{}
	for _, g := range s.spec.GetGroups() {
		switch done := s.status.GetReplicaStatuses()[g.GetType()]; {
		case g.GetStage() < s.status.GetStage() && done != nil:
			counts[g.GetType()] = done
		case g.GetStage() <= s.status.GetStage():
			counts[g.GetType()] = &trainingv1.ReplicaCounts{}
		}
	}
	for _, r := range s.workload.GetStatus().GetReplicas() {
		c := counts[s.group(r.GetGroup()).GetType()]
		switch {
		case c == nil, r.GetLeaving() && replicaOver(r): // of a group that the job has no more, or too many
		case r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING:
			c.Active++
		case r.GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED:
			c.Succeeded++
		case r.GetPhase() == gpuagentv1.Phase_PHASE_FAILED:
			c.Failed++
		}
	}
	s.status.ReplicaStatuses = counts
}

// succeeded reports whether the replicas that count have ended well.
func (s *stepper) succeeded() bool {
	policy := s.spec.GetSuccessPolicy()
	if s.group(policy.GetGroup()).GetRestartPolicy() == trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ALWAYS {
		return false
	}
	if s.workload.GetStatus().GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED {
		return true
	}
	all, one, first := true, false, false
	for _, r := range s.workload.GetStatus().GetReplicas() {
		if r.GetGroup() != policy.GetGroup() || r.GetLeaving() {
			continue
		}
		well := r.GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED
		all, one = all && well, one || well
		first = first || well && r.GetIndex() == 0
	}
	switch policy.GetRule() {
	case trainingv1.SuccessRule_SUCCESS_RULE_ANY:
		return one
	case trainingv1.SuccessRule_SUCCESS_RULE_FIRST:
		return first
	default:
		return all
	}
}
