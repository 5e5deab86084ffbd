// Package lifecycle is what happens to a job over time, as a function: from a job as it
// is stored, the workload of its present attempt and the time follow the job's next
// status and what is to be done.
//
// An attempt is the whole job: when a replica fails that may be tried again, all are
// stopped and started anew, because most frameworks cannot take a lone replica
// back, and the one directory that attempts share lets them go on from a checkpoint.
// Groups that are independent, as those of an elastic job, are an exception: the agent
// starts a replica of them again by itself, and their number of replicas changes while the
// attempt goes on. Any other change of numbers begins another attempt.
//
// A job may have stages, groups that run only when others have ended well, such as what
// fetches data before the training. A stage of an attempt is a workload of its own. A
// stage that is done stays done: what is tried again begins with the one that failed.
//
// What is true of every status that Next returns: conditions follow those of
// Kubeflow's operator (Running and Restarting replace each other, what has ended
// stays ended, reasons are <Kind><Condition>); an attempt begins only when the workload of
// the one before has ended; every attempt that a failure has cost counts.
//
// The package is pure.
package lifecycle

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Action is what is to be done once a status is stored.
type Action int

// The actions.
const (
	Nothing Action = iota
	Submit         // the workload of the present attempt
	Stop           // the workload of the present attempt
	Scale          // the workload of the present attempt, as Rescaling says
	Delete         // the job
)

// Step is what follows from how things are.
type Step struct {
	Status *trainingv1.TrainingJobStatus
	Action Action
	// Wake is when something follows from the time alone; zero for never.
	Wake time.Time
}

// Next returns the next step of a job. The workload is that of its present
// attempt, nil when there is none.
func Next(job *trainingv1.TrainingJob, w *gpuagentv1.Workload, now time.Time) Step {
	s := &stepper{
		job: job, spec: job.GetSpec(), status: proto.CloneOf(job.GetStatus()), workload: w, now: now,
	}
	if s.status == nil {
		s.status = &trainingv1.TrainingJobStatus{}
	}
	s.step()
	return Step{Status: s.status, Action: s.action, Wake: s.wake}
}

// Begin is the status of a job that was just accepted.
func Begin(job *trainingv1.TrainingJob, now time.Time) *trainingv1.TrainingJobStatus {
	s := &stepper{job: job, spec: job.GetSpec(), status: &trainingv1.TrainingJobStatus{}, now: now}
	s.set(Created, "Created", "%s %s is created.", job.GetKind(), job.GetMetadata().GetName())
	return s.status
}

// stepper makes one step.
type stepper struct {
	job      *trainingv1.TrainingJob
	spec     *trainingv1.TrainingJobSpec
	status   *trainingv1.TrainingJobStatus
	workload *gpuagentv1.Workload
	now      time.Time
	action   Action
	wake     time.Time
}

func (s *stepper) step() {
	if !s.has(Created) {
		begun := Begin(s.job, s.now)
		s.status.Conditions, s.status.Happenings = begun.GetConditions(), begun.GetHappenings()
	}
	if s.workload != nil {
		s.status.Submitted = true
		s.count()
	}
	switch {
	case Ended(s.status):
	case s.workload != nil && s.status.GetStage() == s.lastStage() && s.succeeded():
		s.succeed()
	case s.spec.GetRunPolicy().GetSuspend():
		s.suspend()
	case s.is(Suspended) && !s.resume():
	default:
		s.run()
	}
	if Ended(s.status) {
		s.end()
	}
}

// run leads a job that is neither suspended nor over.
func (s *stepper) run() {
	if s.status.GetStartTime() == nil {
		s.status.StartTime = timestamppb.New(s.now)
	}
	if d := s.spec.GetRunPolicy().GetActiveDeadline(); d != nil {
		deadline := s.status.GetStartTime().AsTime().Add(d.AsDuration())
		if !s.now.Before(deadline) {
			s.failFor(DeadlineExceeded, "%s %s has failed because it was active longer than specified deadline", s.job.GetKind(), s.name())
			return
		}
		s.wakeAt(deadline)
	}
	switch {
	case s.status.GetAttempt() == 0:
		s.begin()
	case s.workload != nil:
		s.follow()
	case s.status.GetSubmitted():
		s.restart(time.Time{}, "its workload was deleted")
	default:
		s.launch()
	}
}

// begin makes the next attempt the present one.
func (s *stepper) begin() {
	s.status.Attempt++
	s.status.Submitted = false
	for _, g := range s.spec.GetGroups() {
		if g.GetStage() >= s.status.GetStage() {
			delete(s.status.ReplicaStatuses, g.GetType())
		}
	}
	s.status.ObservedGeneration = s.job.GetMetadata().GetGeneration()
	s.workload = nil
	s.launch()
}

// launch submits the present attempt once its time has come.
func (s *stepper) launch() {
	if at := s.status.GetNotBefore(); at != nil && s.now.Before(at.AsTime()) {
		s.wakeAt(at.AsTime())
		return
	}
	s.status.NotBefore = nil
	s.action = Submit
}

// suspend has nothing of the job run. What runs is asked to end; nothing new begins.
func (s *stepper) suspend() {
	if !s.is(Suspended) {
		s.set(Suspended, "Suspended", "%s %s is suspended.", s.job.GetKind(), s.name())
		s.unset(Running, "Suspended", "%s %s is suspended.", s.job.GetKind(), s.name())
		s.status.StartTime, s.status.NotBefore = nil, nil
		s.status.Message = "suspended"
	}
	s.stop()
}

// resume takes a suspended job up again, when what ran of it has ended. The attempt
// that was cut off is not held against the job. It reports whether the job goes on.
func (s *stepper) resume() bool {
	if s.workload != nil && !over(s.workload) {
		s.status.Message = "waits for replicas to end that were running when it was suspended"
		s.stop()
		return false
	}
	s.unset(Suspended, "Resumed", "%s %s is resumed.", s.job.GetKind(), s.name())
	s.status.StartTime = timestamppb.New(s.now)
	s.status.Message = ""
	if s.status.GetSubmitted() {
		s.begin()
		return false
	}
	return true
}

// stop asks the workload to end, unless it has or was asked.
func (s *stepper) stop() {
	if s.workload != nil && !over(s.workload) && !s.workload.GetStatus().GetStopRequested() {
		s.action = Stop
	}
}

// end is what goes on after the end of a job: its replicas go as its policy says, and
// after a time the job itself.
func (s *stepper) end() {
	if !s.status.GetCleaned() {
		switch {
		case s.workload == nil || over(s.workload) || !s.cleans():
			s.status.Cleaned = true
		default:
			s.stop()
		}
	}
	at, expires := ExpiresAt(&trainingv1.TrainingJob{Spec: s.spec, Status: s.status})
	if !expires {
		return
	}
	if s.now.Before(at) {
		s.wakeAt(at)
		return
	}
	s.action = Delete
}

// cleans reports whether what still runs is to be stopped: by the policy, after a
// failure, and when it only held what others used.
func (s *stepper) cleans() bool {
	if s.spec.GetRunPolicy().GetCleanPodPolicy() != trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_NONE || s.is(Failed) {
		return true
	}
	ancillary := map[string]bool{}
	for _, g := range s.spec.GetGroups() {
		ancillary[g.GetName()] = g.GetAncillary()
	}
	for _, r := range s.workload.GetStatus().GetReplicas() {
		if !replicaOver(r) && !ancillary[r.GetGroup()] {
			return false
		}
	}
	return true
}

func (s *stepper) succeed() {
	sentence := fmt.Sprintf("%s %s is successfully completed.", s.job.GetKind(), s.name())
	s.set(Succeeded, "Succeeded", "%s", sentence)
	s.unset(Running, "Succeeded", "%s", sentence)
	s.status.CompletionTime = timestamppb.New(s.now)
	s.status.Message = ""
}

func (s *stepper) fail(format string, args ...any) { s.failFor(Failed, format, args...) }

// failFor ends a job for a reason.
func (s *stepper) failFor(reason, format string, args ...any) {
	sentence := fmt.Sprintf(format, args...)
	s.set(Failed, reason, "%s", sentence)
	s.unset(Running, Failed, "%s", sentence)
	s.status.CompletionTime = timestamppb.New(s.now)
	s.status.Message = sentence
}

// Refuse is the status of a job whose attempt no agent will ever take.
func Refuse(job *trainingv1.TrainingJob, why string, now time.Time) *trainingv1.TrainingJobStatus {
	s := &stepper{job: job, spec: job.GetSpec(), status: proto.CloneOf(job.GetStatus()), now: now}
	s.fail("%s %s cannot be started: %s", job.GetKind(), s.name(), why)
	s.status.Cleaned = true
	return s.status
}

func (s *stepper) name() string { return s.job.GetMetadata().GetName() }

func (s *stepper) wakeAt(at time.Time) {
	if s.wake.IsZero() || at.Before(s.wake) {
		s.wake = at
	}
}
