package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// waitPatience is how long a server that went away is tried again while jobs are waited for.
const waitPatience = time.Minute

// goal is what a job is waited for: its end, unless there is more to it.
type goal struct {
	state string // such as RUNNING, that its condition holds
	gone  bool   // that it is deleted
}

// goalStates are what a job can be waited for.
var goalStates = []string{"RUNNING", "RESTARTING", "SUSPENDED", "SUCCEEDED", "FAILED"}

// parseGoal reads --for: "running", "delete", or as kubectl has it, "condition=Running".
func parseGoal(text string) (goal, error) {
	word := strings.ToUpper(strings.TrimPrefix(text, "condition="))
	switch {
	case text == "":
		return goal{}, nil
	case word == "DELETE" || word == "DELETED":
		return goal{gone: true}, nil
	case word == "COMPLETE": // as a TrainJob calls it
		return goal{state: "SUCCEEDED"}, nil
	case slices.Contains(goalStates, word):
		return goal{state: word}, nil
	}
	return goal{}, fault.Invalidf("--for", "%q is nothing to wait for; give %s or delete", text, strings.ToLower(strings.Join(goalStates, ", ")))
}

// reached says whether a job, in this state, is what is waited for; an error when it cannot
// become that any more.
func (g goal) reached(id, state string) (bool, error) {
	over := state == "SUCCEEDED" || state == "FAILED"
	switch {
	case g.gone:
		return false, nil
	case g.state == "" && state == "FAILED":
		return true, errUnsuccessful // it has been said how it ended
	case g.state == "":
		return over, nil
	case g.state == state:
		return true, nil
	case over:
		return false, fault.Preconditionf("%s is not %s and cannot become so: it has %s", id, g.state, state)
	}
	return false, nil
}

// waitJobs shows how jobs fare until each is what is waited for. It goes on with the others
// when one fails.
func (s *Session) waitJobs(ctx context.Context, k *kind.Kind, refs []string, o *waitOptions) error {
	g, err := parseGoal(o.goal)
	if err != nil {
		return err
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	jobs, err := s.resolveAll(ctx, c, k, refs)
	if g.gone && fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	timed := ctx
	if o.timeout > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, o.timeout)
		defer cancel()
	}
	var errs []error
	for i, m := range jobs {
		last, err := s.waitJob(timed, c, m.(*trainingv1.TrainingJob), g, !o.format.Document() && o.format != output.FormatName)
		if ctx.Err() == nil && timed.Err() != nil {
			err = fault.New(fault.Canceled, "%s is %s after %s, which is not yet what is waited for", k.ID(last), kind.JobState(last), o.timeout)
		}
		jobs[i] = last
		errs = append(errs, err)
	}
	if !g.gone && (o.format.Document() || o.format == output.FormatName) {
		errs = append(errs, s.show(o.format, k, jobs, len(refs) != 1))
	}
	return joined(errs)
}

// waitJob waits for one job, and tells of it whatever changes. It returns the job as it was
// last seen.
func (s *Session) waitJob(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob, g goal, tell bool) (*trainingv1.TrainingJob, error) {
	id, said, reached := kind.Jobs().ID(job), "", time.Now()
	for {
		state := kind.JobState(job)
		if line := jobLine(job); tell && line != said {
			said = line
			fmt.Fprintln(s.Term.Out, line)
		}
		if done, err := g.reached(id, state); done || err != nil {
			return job, err
		}
		if err := pauseFor(ctx, lookAgain); err != nil {
			return job, err
		}
		now, err := c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{
			Namespace: job.GetMetadata().GetNamespace(), Kind: job.GetKind(), Name: job.GetMetadata().GetName(),
		})
		switch gone := fault.Is(err, fault.NotFound) || err == nil && now.GetMetadata().GetUid() != job.GetMetadata().GetUid(); {
		case gone && g.gone:
			return job, nil
		case gone:
			return job, fault.NotFoundf("%s was deleted", id)
		case err == nil:
			job, reached = now, time.Now()
		case !fault.Is(err, fault.Unavailable) || time.Since(reached) > waitPatience:
			return job, err
		}
	}
}

// jobLine says in a line how a job fares.
func jobLine(job *trainingv1.TrainingJob) string {
	line := kind.Jobs().ID(job) + " " + kind.JobState(job)
	if message := job.GetStatus().GetMessage(); message != "" && !strings.EqualFold(message, kind.JobState(job)) {
		line += ": " + output.Clean(message)
	}
	return line
}
