package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// lookAgain is how often a job is looked at that does not write at present.
const lookAgain = 200 * time.Millisecond

// followJob prints what a job writes until it has ended, over all attempts from the present
// one on.
func (s *Session) followJob(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob, o *logOptions) error {
	meta, last := job.GetMetadata(), max(0, job.GetStatus().GetAttempt()-1)
	for first := true; ; first = false {
		begun := job.GetStatus().GetAttempt()
		if !job.GetStatus().GetSubmitted() {
			begun--
		}
		for last < begun {
			last++
			if !first {
				fmt.Fprintf(s.Term.Err, "--- attempt %d at job %s ---\n", last, meta.GetName())
				o.tail = 0 // what an attempt writes is all news
			}
			err := s.attemptLogs(ctx, c, job, last, o)
			if err != nil && !(fault.Is(err, fault.NotFound) && last < begun) { // one that was over soon may have written nothing
				return err
			}
			first = false
		}
		if ended(job) {
			return nil
		}
		if err := pauseFor(ctx, lookAgain); err != nil {
			return err
		}
		var err error
		job, err = c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: meta.GetNamespace(), Kind: job.GetKind(), Name: meta.GetName()})
		if fault.Is(err, fault.NotFound) || err == nil && job.GetMetadata().GetUid() != meta.GetUid() {
			return nil // it was deleted
		}
		if err != nil {
			return err
		}
	}
}

// ended reports whether a job writes no more, as far as is known.
func ended(job *trainingv1.TrainingJob) bool {
	state := kind.JobState(job)
	return state == "SUCCEEDED" || state == "FAILED" || state == "SUSPENDED"
}

func pauseFor(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
