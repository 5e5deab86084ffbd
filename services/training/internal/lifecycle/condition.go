package lifecycle

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/timestamppb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Types of conditions.
const (
	Created    = "Created"
	Running    = "Running"
	Restarting = "Restarting"
	Suspended  = "Suspended"
	Succeeded  = "Succeeded"
	Failed     = "Failed"
)

// DeadlineExceeded is the reason of a failure that came of the time a job took.
const DeadlineExceeded = "DeadlineExceeded"

// Unsatisfiable is the reason of the failure of a job that asked for more than there is.
const Unsatisfiable = "Unsatisfiable"

// trainJobReasons are the words that Kubeflow Trainer, and the JobSet under it, have.
var trainJobReasons = map[string]string{
	Suspended: "Suspended", "Resumed": "Resumed", Succeeded: "AllJobsCompleted", Failed: "FailedJobs", DeadlineExceeded: DeadlineExceeded,
	Unsatisfiable: Unsatisfiable,
}

// reason is a reason as the job's kind has it.
func (s *stepper) reason(of string) string {
	if word := trainJobReasons[of]; s.job.GetKind() == "TrainJob" && word != "" {
		return word
	}
	if of == DeadlineExceeded {
		of = Failed
	}
	return s.job.GetKind() + of
}

// Is reports whether a condition holds.
func Is(status *trainingv1.TrainingJobStatus, condition string) bool {
	return slices.ContainsFunc(status.GetConditions(), func(c *trainingv1.JobCondition) bool {
		return c.GetType() == condition && c.GetStatus()
	})
}

// Ended reports whether a job has succeeded or failed.
func Ended(status *trainingv1.TrainingJobStatus) bool {
	return Is(status, Succeeded) || Is(status, Failed)
}

func (s *stepper) is(condition string) bool { return Is(s.status, condition) }

func (s *stepper) has(condition string) bool { return s.condition(condition) != nil }

func (s *stepper) condition(condition string) *trainingv1.JobCondition {
	for _, c := range s.status.GetConditions() {
		if c.GetType() == condition {
			return c
		}
	}
	return nil
}

// set has a condition hold. Of Running and Restarting one is there at a time.
func (s *stepper) set(condition, reason, format string, args ...any) {
	switch condition {
	case Running:
		s.drop(Restarting)
	case Restarting:
		s.drop(Running)
	}
	s.note(condition, true, reason, fmt.Sprintf(format, args...))
}

// unset has a condition hold no more, if it did.
func (s *stepper) unset(condition, reason, format string, args ...any) {
	if s.is(condition) {
		s.note(condition, false, reason, fmt.Sprintf(format, args...))
	}
}

func (s *stepper) note(condition string, holds bool, reason, message string) {
	now := timestamppb.New(s.now)
	c := s.condition(condition)
	reason = s.reason(reason)
	switch {
	case c == nil:
		c = &trainingv1.JobCondition{Type: condition, LastTransitionTime: now}
		s.status.Conditions = append(s.status.Conditions, c)
	case c.GetStatus() == holds && c.GetReason() == reason && c.GetMessage() == message:
		return
	case c.GetStatus() != holds:
		c.LastTransitionTime = now
	}
	c.Status, c.Reason, c.Message, c.LastUpdateTime = holds, reason, message, now
	if holds || condition == Suspended { // what else holds no more came to an end by another that does
		s.happened(reason, message, condition == Failed || condition == Restarting)
	}
}

// keptHappenings is how many things are remembered that a job came through.
const keptHappenings = 32

// happened remembers what the job came through.
func (s *stepper) happened(reason, message string, warning bool) {
	all := append(s.status.GetHappenings(), &trainingv1.JobHappening{
		Reason: reason, Message: message, Time: timestamppb.New(s.now), Warning: warning,
	})
	s.status.Happenings = all[max(0, len(all)-keptHappenings):]
}

func (s *stepper) drop(condition string) {
	s.status.Conditions = slices.DeleteFunc(s.status.Conditions, func(c *trainingv1.JobCondition) bool { return c.GetType() == condition })
}
