package pod

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// phases are those of replicas as those of pods.
var phases = map[gpuagentv1.Phase]string{
	gpuagentv1.Phase_PHASE_RUNNING:   "Running",
	gpuagentv1.Phase_PHASE_SUCCEEDED: "Succeeded",
	gpuagentv1.Phase_PHASE_FAILED:    "Failed",
	gpuagentv1.Phase_PHASE_STOPPED:   "Failed",
}

// phase is the pod's phase.
func (r replica) phase() string {
	if phase := phases[r.status.GetPhase()]; phase != "" {
		return phase
	}
	return "Pending"
}

// shownStatus is how the replica fares, as a pod's status.
func (r replica) shownStatus() map[string]any {
	s := r.status
	running := s.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING
	ready := running && (s.GetReady() || r.group.GetTemplate().GetReadinessProbe() == nil)
	truth := map[bool]string{true: "True", false: "False"}
	out := map[string]any{
		"phase": r.phase(),
		"conditions": []any{
			r.scheduled(),
			map[string]any{"type": "Ready", "status": truth[ready]},
		},
		"containerStatuses": []any{map[string]any{
			"name": r.container(), "image": r.group.GetTemplate().GetImage(), "imageID": "", "ready": ready, "started": running,
			"restartCount": s.GetRestarts(), "state": r.state(),
		}},
	}
	if at := s.GetStartTime(); at != nil {
		out["startTime"] = moment(at)
	}
	if s.GetReason() != "" {
		out["reason"] = s.GetReason()
	}
	if s.GetMessage() != "" {
		out["message"] = s.GetMessage()
	}
	if s.GetHost() != "" {
		out["podIP"], out["hostIP"] = s.GetHost(), s.GetHost()
	}
	return out
}

// scheduled is the condition that says whether the replica has a node, and if not why: there
// clients of Kubernetes look for it.
func (r replica) scheduled() map[string]any {
	if r.status.GetNode() != "" || r.phase() != "Pending" {
		return map[string]any{"type": "PodScheduled", "status": "True"}
	}
	out := map[string]any{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
	if message := r.workload.GetStatus().GetMessage(); message != "" {
		out["message"] = message
	}
	return out
}

// state is that of the container.
func (r replica) state() map[string]any {
	s := r.status
	switch r.phase() {
	case "Pending":
		reason := "ContainerCreating"
		if s.GetNode() == "" {
			reason = "Pending"
		}
		return map[string]any{"waiting": map[string]any{"reason": reason, "message": r.workload.GetStatus().GetMessage()}}
	case "Running":
		return map[string]any{"running": map[string]any{"startedAt": moment(s.GetStartTime())}}
	}
	reason := map[bool]string{true: "Completed", false: "Error"}[s.GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED]
	return map[string]any{"terminated": map[string]any{
		"exitCode": s.GetExitCode(), "reason": reason, "message": s.GetLogTail(), "startedAt": moment(s.GetStartTime()), "finishedAt": moment(s.GetFinishTime()),
	}}
}
