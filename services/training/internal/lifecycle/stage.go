package lifecycle

import gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"

// lastStage is the stage after which there is none.
func (s *stepper) lastStage() int32 {
	last := int32(0)
	for _, g := range s.spec.GetGroups() {
		last = max(last, g.GetStage())
	}
	return last
}

// stageDone reports whether all of the present stage has ended well, and another follows.
func (s *stepper) stageDone() bool {
	return s.status.GetStage() < s.lastStage() && s.workload.GetStatus().GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED
}

// nextStage goes on with the next stage of the attempt.
func (s *stepper) nextStage() {
	s.status.Stage++
	s.status.Submitted = false
	s.status.Message = ""
	s.workload = nil
	s.launch()
}
