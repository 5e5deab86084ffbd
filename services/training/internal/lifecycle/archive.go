package lifecycle

import (
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// ArchivedAt is when a job that has ended moves to the archive, if that is some time after its
// end: not before all of it has, whatever its policy lets run on.
func ArchivedAt(job *trainingv1.TrainingJob, w *gpuagentv1.Workload, after time.Duration) (time.Time, bool) {
	s := job.GetStatus()
	if after <= 0 || !Ended(s) || !s.GetCleaned() || w != nil && !over(w) {
		return time.Time{}, false
	}
	return s.GetCompletionTime().AsTime().Add(after), true
}

// ExpiresAt is when a job that has ended is deleted by its own time to live, if it has one.
func ExpiresAt(job *trainingv1.TrainingJob) (time.Time, bool) {
	ttl := job.GetSpec().GetRunPolicy().GetTtl()
	if ttl == nil || !Ended(job.GetStatus()) {
		return time.Time{}, false
	}
	return job.GetStatus().GetCompletionTime().AsTime().Add(ttl.AsDuration()), true
}
