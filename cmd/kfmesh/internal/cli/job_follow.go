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
	meta, last := job.GetMetadata(), int32(0)
	for {
		switch status := job.GetStatus(); {
		case status.GetAttempt() > last && status.GetSubmitted():
			if last > 0 {
				fmt.Fprintf(s.Term.Err, "--- attempt %d at job %s ---\n", status.GetAttempt(), meta.GetName())
				o.tail = 0 // what an attempt writes is all news
			}
			last = status.GetAttempt()
			if err := s.attemptLogs(ctx, c, job, last, o); err != nil {
				return err
			}
		case ended(job):
			return nil
		default:
			if err := pauseFor(ctx, lookAgain); err != nil {
				return err
			}
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
