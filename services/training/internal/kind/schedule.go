package kind

import (
	"cmp"
	"strconv"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// Annotations of a job that say how it is placed. They win over its manifest.
const (
	annotationQueue         = "kfmesh.dev/queue"
	annotationPriority      = "kfmesh.dev/priority"
	annotationPriorityClass = "kfmesh.dev/priority-class"
	annotationUnsatisfiable = "kfmesh.dev/when-unsatisfiable"
)

// Labels by which Kueue is told so; a manifest's own fields win over them.
const (
	labelQueue         = "kueue.x-k8s.io/queue-name"
	labelPriorityClass = "kueue.x-k8s.io/priority-class"
)

// Values of annotationUnsatisfiable.
const (
	unsatisfiableWait = "wait"
	unsatisfiableFail = "fail"
)

// Schedule completes how a job is placed from all places where a manifest may say so: its
// scheduling policy, its annotations, Kueue's labels, and the priority class of its pods.
func (j *Job) Schedule(p *field.Problems) {
	s := j.Run.GetScheduling()
	if s == nil {
		s = &trainingv1.SchedulingPolicy{}
	}
	s.Queue = cmp.Or(j.Annotations[annotationQueue], s.GetQueue(), j.Labels[labelQueue])
	s.PriorityClass = cmp.Or(j.Annotations[annotationPriorityClass], s.GetPriorityClass(), j.Labels[labelPriorityClass], j.podPriority())
	if text := j.Annotations[annotationPriority]; text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			p.Invalid("metadata.annotations["+annotationPriority+"]", text, "must be a number from -2147483648 to 2147483647")
		}
		s.Priority = int32(n) // #nosec G115 -- as parsed
	}
	switch v := j.Annotations[annotationUnsatisfiable]; v {
	case "", unsatisfiableWait:
	case unsatisfiableFail:
		s.FailWhenUnsatisfiable = true
	default:
		p.NotSupported("metadata.annotations["+annotationUnsatisfiable+"]", v, unsatisfiableFail, unsatisfiableWait)
	}
	if s.GetMinAvailable() == 0 && s.GetQueue()+s.GetPriorityClass() == "" && s.GetPriority() == 0 && !s.GetFailWhenUnsatisfiable() {
		return
	}
	if j.Run == nil {
		j.Run = &trainingv1.RunPolicy{}
	}
	j.Run.Scheduling = s
}

// podPriority is the priority class of the first replicas whose pods have one.
func (j *Job) podPriority() string {
	for i := range j.Replicas {
		if name := j.Replicas[i].Template.Spec.PriorityClassName; name != "" {
			return name
		}
	}
	return ""
}
