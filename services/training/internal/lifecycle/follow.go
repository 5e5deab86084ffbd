package lifecycle

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Pauses before an attempt that a failure has made necessary: doubled each time, up
// to the longest, and back to the first after an attempt that has run for a while.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 30 * time.Second
	wentWell     = 10 * time.Minute
)

// Reasons in the status of a replica, as the agent gives them.
const (
	reasonStart    = "StartFailed"
	reasonBackoff  = "BackoffLimitExceeded"
	reasonUnplaced = "NotPlaced" // which never joined the others

	reasonUnsatisfiable = "Unsatisfiable" // which asks for more than there is
)

// firstRetryable is where exit statuses begin that call for another try.
const firstRetryable = 128

// follow takes in how the present attempt fares.
func (s *stepper) follow() {
	w := s.workload
	switch {
	case over(w) && s.rescaled():
		s.begin()
	case s.stageDone():
		s.nextStage()
	case over(w):
		s.attemptEnded()
	case s.rescaled() && !s.rescales():
		s.status.Message = "is started again with another number of replicas"
		s.stop()
	case s.lost():
	case w.GetStatus().GetEpoch() > 1 && w.GetStatus().GetPhase() == gpuagentv1.Phase_PHASE_PENDING:
		s.disrupted(w.GetStatus().GetMessage())
	default:
		s.waits()
		s.status.Message = s.says()
		if w.GetStatus().GetPhase() == gpuagentv1.Phase_PHASE_RUNNING {
			s.set(Running, "Running", "%s %s is running.", s.job.GetKind(), s.name())
		}
		if s.rescales() {
			s.action = Scale
		}
	}
}

// waits remembers that the attempt waits for its place, and why it did when it began to.
func (s *stepper) waits() {
	w, reason := s.workload.GetStatus(), s.reason("Waiting")
	if w.GetPhase() != gpuagentv1.Phase_PHASE_PENDING || w.GetMessage() == "" {
		return
	}
	if all := s.status.GetHappenings(); len(all) == 0 || all[len(all)-1].GetReason() != reason {
		s.happened(reason, w.GetMessage(), true)
	}
}

// disrupted tells of an attempt that waits to run anew: it lost a node, or its place. That
// is not held against the job.
func (s *stepper) disrupted(why string) {
	if !s.is(Restarting) {
		s.happened(s.reason("Disrupted"), why, true)
	}
	s.set(Restarting, "Restarting", "%s %s is restarting because it was disrupted.", s.job.GetKind(), s.name())
	s.status.Message = why
}

// rescaled reports whether the job is to have other numbers of replicas by now.
func (s *stepper) rescaled() bool {
	asked := map[string]int32{}
	for _, g := range s.spec.GetGroups() {
		if g.GetStage() == s.status.GetStage() {
			asked[g.GetName()] = g.GetCount()
		}
	}
	for _, g := range s.workload.GetSpec().GetGroups() {
		if asked[g.GetName()] != max(g.GetCount(), 1) {
			return true
		}
		delete(asked, g.GetName())
	}
	for _, count := range asked {
		if count > 0 {
			return true
		}
	}
	return false
}

// lost deals with an independent replica that has failed for good while others run,
// and reports whether that was the job's end.
func (s *stepper) lost() bool {
	for _, r := range s.workload.GetStatus().GetReplicas() {
		g := s.group(r.GetGroup())
		if r.GetPhase() == gpuagentv1.Phase_PHASE_FAILED && !r.GetLeaving() && g.GetIndependent() && !s.expendable(g) {
			s.failOf(r)
			return true
		}
	}
	return false
}

// expendable reports whether the failure of a group's replica does not matter while
// others are there: workers of a TFJob that come and go.
func (s *stepper) expendable(g *trainingv1.JobGroup) bool {
	return g.GetIndependent() && s.spec.GetElastic() == nil
}

// attemptEnded decides what follows when all replicas have ended and the job has not
// succeeded.
func (s *stepper) attemptEnded() {
	r := culprit(s.workload)
	if r == nil { // all went well, and yet the job is not done: it is to go on
		s.restart(ranSince(s.workload), "all replicas have ended and its restart policy is Always")
		return
	}
	if r.GetReason() == reasonUnsatisfiable {
		s.failFor(Unsatisfiable, "%s %s has failed because it %s", s.job.GetKind(), s.name(), r.GetMessage())
		return
	}
	again := false
	switch s.group(r.GetGroup()).GetRestartPolicy() {
	case trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ON_FAILURE, trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ALWAYS:
		again = r.GetReason() != reasonStart
	case trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_EXIT_CODE:
		again = r.GetReason() != reasonStart && (r.GetExitCode() == 0 || r.GetExitCode() >= firstRetryable)
	}
	tried := s.group(r.GetGroup()).GetIndependent() && r.GetPhase() == gpuagentv1.Phase_PHASE_FAILED // by the agent, as often as may be
	if !again || tried {
		s.failOf(r)
		return
	}
	s.restart(ranSince(s.workload), s.explain(r))
}

// culprit is the replica whose failure came first; nil when all went well.
func culprit(w *gpuagentv1.Workload) *gpuagentv1.ReplicaStatus {
	var first, other *gpuagentv1.ReplicaStatus
	for _, r := range w.GetStatus().GetReplicas() {
		switch {
		case r.GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED, r.GetReason() == reasonUnplaced:
		case r.GetPhase() == gpuagentv1.Phase_PHASE_FAILED:
			if first == nil || r.GetFinishTime().AsTime().Before(first.GetFinishTime().AsTime()) {
				first = r
			}
		default:
			other = r
		}
	}
	if first != nil {
		return first
	}
	return other
}

func ranSince(w *gpuagentv1.Workload) time.Time { return w.GetStatus().GetStartTime().AsTime() }

// restart has the job begin anew, unless that has happened too often.
func (s *stepper) restart(since time.Time, why string) {
	if limit := s.spec.GetRunPolicy().BackoffLimit; limit != nil && s.status.GetRestarts() >= *limit {
		s.fail("%s %s has failed because it has reached the specified backoff limit: %s", s.job.GetKind(), s.name(), why)
		return
	}
	s.status.Restarts++
	pause := longestPause
	if n := s.status.GetRestarts() - 1; n < 9 {
		pause = min(longestPause, firstPause<<n)
	}
	if !since.IsZero() && s.now.Sub(since) > wentWell {
		pause = firstPause
	}
	s.set(Restarting, "Restarting", "%s %s is restarting because %s", s.job.GetKind(), s.name(), why)
	s.status.Message = "restarting: " + why
	s.status.NotBefore = timestamppb.New(s.now.Add(pause))
	s.begin()
}

func (s *stepper) failOf(r *gpuagentv1.ReplicaStatus) {
	if r.GetReason() == reasonBackoff {
		s.fail("%s %s has failed because it has reached the specified backoff limit: %s", s.job.GetKind(), s.name(), s.explain(r))
		return
	}
	s.fail("%s %s is failed because %s", s.job.GetKind(), s.name(), s.explain(r))
}

// explain says which replica failed and how.
func (s *stepper) explain(r *gpuagentv1.ReplicaStatus) string {
	n := int32(0)
	for _, other := range s.workload.GetStatus().GetReplicas() {
		if other.GetGroup() == r.GetGroup() && other.GetPhase() == gpuagentv1.Phase_PHASE_FAILED {
			n++
		}
	}
	how := r.GetMessage()
	if how == "" {
		how = "was stopped"
	}
	return fmt.Sprintf("%d %s replica(s) failed: %s-%d: %s", max(n, 1), s.group(r.GetGroup()).GetType(), r.GetGroup(), r.GetIndex(), how)
}

func (s *stepper) group(name string) *trainingv1.JobGroup {
	for _, g := range s.spec.GetGroups() {
		if g.GetName() == name {
			return g
		}
	}
	return nil
}
