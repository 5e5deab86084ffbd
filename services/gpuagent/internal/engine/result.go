package engine

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Reasons in statuses.
const (
	reasonExit     = "NonZeroExit"
	reasonDeadline = "DeadlineExceeded"
	reasonStopped  = "Stopped"
	reasonSibling  = "SiblingFailed"
	reasonStaging  = "StagingFailed"
	reasonUpload   = "UploadFailed"
	reasonBackoff  = "BackoffLimitExceeded"
	reasonTold     = "Terminated"
	reasonUnplaced = "NotPlaced"
	reasonLeaving  = "ScaledDown"

	reasonUnsatisfiable = "Unsatisfiable"
)

// result is how a replica, or one attempt at it, ended.
type result struct {
	phase         gpuagentv1.Phase
	reason        string
	message       string
	code          int32
	start, finish time.Time
	borne         bool // that its node was lost, by a workload that goes on with the others
}

func failure(reason, format string, args ...any) result {
	return result{phase: gpuagentv1.Phase_PHASE_FAILED, reason: reason, message: fmt.Sprintf(format, args...), finish: time.Now()}
}

// stopResult is the end of what was stopped before it ran.
func stopResult(cause error, spec *gpuagentv1.WorkloadSpec) result {
	r := result{phase: gpuagentv1.Phase_PHASE_STOPPED, reason: reasonStopped, finish: time.Now()}
	var hopeless *unsatisfiable
	switch {
	case errors.As(cause, &hopeless):
		r.phase, r.reason = gpuagentv1.Phase_PHASE_FAILED, reasonUnsatisfiable
		r.message = "asks for more than there is: it " + hopeless.sentence
	case errors.Is(cause, errDeadline):
		r.phase, r.reason = gpuagentv1.Phase_PHASE_FAILED, reasonDeadline
		r.message = deadlineMessage(spec)
	case errors.Is(cause, errLeaving):
		r.reason, r.message = reasonLeaving, "stopped because there are to be fewer replicas"
	case errors.Is(cause, errSibling):
		r.reason, r.message = reasonSibling, "stopped because another replica failed"
	case errors.Is(cause, errPorts):
		r.phase, r.reason, r.message = gpuagentv1.Phase_PHASE_FAILED, runtime.ReasonStart, errPorts.Error()
	case errors.Is(cause, errRestarts):
		r.phase, r.reason, r.message = gpuagentv1.Phase_PHASE_FAILED, reasonBackoff, errRestarts.Error()
	}
	return r
}

func deadlineMessage(spec *gpuagentv1.WorkloadSpec) string {
	return fmt.Sprintf("stopped because it had not ended within its deadline of %s", spec.GetDeadline().AsDuration())
}

// exitResult is how an attempt ended, from what its runtime says and what the
// life was told meanwhile.
func exitResult(exit runtime.Exit, cause error, spec *gpuagentv1.WorkloadSpec) result {
	r := result{phase: gpuagentv1.Phase_PHASE_FAILED, code: int32(exit.Code), start: exit.Start, finish: exit.Finish}
	switch exit.Cause {
	case runtime.Lost:
		if cause != nil && !errors.Is(cause, errSibling) {
			return stopResult(cause, spec)
		}
		r.reason, r.message = exit.Reason, exit.Message
	case runtime.Failed:
		r.reason, r.message = exit.Reason, exit.Message
	case runtime.Deadline:
		r.reason, r.message = reasonDeadline, deadlineMessage(spec)
	case runtime.Stopped:
		if cause == nil {
			r.reason, r.message = reasonTold, "it was told from outside to stop"
			break
		}
		stopped := stopResult(cause, spec)
		r.phase, r.reason, r.message = stopped.phase, stopped.reason, stopped.message
	default:
		if exit.Code == 0 {
			r.phase = gpuagentv1.Phase_PHASE_SUCCEEDED
			break
		}
		r.reason, r.message = reasonExit, exitMessage(exit)
	}
	return r
}

func exitMessage(exit runtime.Exit) string {
	if exit.Signal != 0 {
		return fmt.Sprintf("ended by signal %d (%s)", exit.Signal, syscall.Signal(exit.Signal))
	}
	return fmt.Sprintf("exit status %d", exit.Code)
}

// conclude writes the end of a workload from the ends of its replicas.
func conclude(s *gpuagentv1.WorkloadStatus, results []result, cause error) {
	worst := -1 // the failure that came first, or else the first stop
	for i, r := range results {
		replica := s.GetReplicas()[i]
		if r.phase == gpuagentv1.Phase_PHASE_UNSPECIFIED || r.borne { // of another node, or of none
			concludeWithout(replica, r)
			continue
		}
		replica.Phase, replica.Reason, replica.Message, replica.ExitCode = r.phase, r.reason, r.message, r.code
		replica.Pid, replica.Ready = 0, false
		replica.FinishTime = timestamp(r.finish)
		if replica.GetStartTime() == nil {
			replica.StartTime = timestamp(r.start)
		}
		if r.phase != gpuagentv1.Phase_PHASE_SUCCEEDED && !replica.GetLeaving() && (worst < 0 || worse(r, results[worst])) {
			worst = i
		}
		if s.GetFinishTime() == nil || r.finish.After(s.GetFinishTime().AsTime()) {
			s.FinishTime = timestamp(r.finish)
		}
	}
	if worst < 0 {
		s.Phase, s.Reason, s.Message = gpuagentv1.Phase_PHASE_SUCCEEDED, "", ""
		return
	}
	r := results[worst]
	s.Phase, s.Reason = r.phase, r.reason
	switch {
	case errors.Is(cause, errStopAsked) && r.phase == gpuagentv1.Phase_PHASE_STOPPED: // the message is the asker's
	case len(results) == 1, r.reason == reasonUnsatisfiable:
		s.Message = r.message
	default:
		s.Message = fmt.Sprintf("%s: %s", replicaName(s.GetReplicas()[worst]), r.message)
	}
}

// concludeWithout writes the end of a replica that the others have ended without.
func concludeWithout(replica *gpuagentv1.ReplicaStatus, r result) {
	if replica.GetNode() == "" || r.borne {
		replica.Phase, replica.Reason = gpuagentv1.Phase_PHASE_STOPPED, reasonUnplaced
		replica.Message = "the others ended before there was room for it"
	}
}

// worse reports whether r rather than other explains why a workload ended.
func worse(r, other result) bool {
	failed, otherFailed := r.phase == gpuagentv1.Phase_PHASE_FAILED, other.phase == gpuagentv1.Phase_PHASE_FAILED
	if failed != otherFailed {
		return failed
	}
	return r.finish.Before(other.finish)
}

// phaseOf is the phase of a workload whose replicas have not all ended.
func phaseOf(s *gpuagentv1.WorkloadStatus) gpuagentv1.Phase {
	phase := s.GetPhase()
	for _, r := range s.GetReplicas() {
		switch r.GetPhase() {
		case gpuagentv1.Phase_PHASE_RUNNING:
			return gpuagentv1.Phase_PHASE_RUNNING
		case gpuagentv1.Phase_PHASE_STARTING:
			phase = gpuagentv1.Phase_PHASE_STARTING
		}
	}
	return phase
}

func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func replicaName(r *gpuagentv1.ReplicaStatus) string {
	return fmt.Sprintf("%s-%d", r.GetGroup(), r.GetIndex())
}

// wantsRestart reports whether a policy has a replica started again after r.
func wantsRestart(policy gpuagentv1.RestartPolicy, r result) bool {
	switch policy {
	case gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS:
		return r.phase == gpuagentv1.Phase_PHASE_SUCCEEDED || retryable(r)
	case gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE:
		return retryable(r)
	case gpuagentv1.RestartPolicy_RESTART_POLICY_EXIT_CODE:
		return retryable(r) && r.code >= firstSignalCode
	default:
		return false
	}
}

// firstSignalCode is where exit statuses begin that a command does not choose: 128
// and the number of the signal that ended it.
const firstSignalCode = 128

// retryable reports whether another attempt may fare better.
func retryable(r result) bool {
	return r.phase == gpuagentv1.Phase_PHASE_FAILED && r.reason != reasonDeadline && r.reason != runtime.ReasonStart && r.reason != runtime.ReasonNodeLost
}
