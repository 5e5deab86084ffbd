// Package collect removes training jobs that ended too long ago, or that are too many. What is
// elsewhere of them is condemned with them, and the engine sees to it.
package collect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// Retention says which jobs that have ended are kept. Zero values keep all.
type Retention struct {
	Jobs  time.Duration // after their end
	Count int           // of each namespace, the newest
}

// Any reports whether any job goes.
func (r Retention) Any() bool { return r != Retention{} }

// Collector removes jobs. It is safe for concurrent use.
type Collector struct {
	State     *state.State
	Retention Retention
}

// item is a job as it is stored.
type item = store.Item[*trainingv1.TrainingJob]

// Collect removes the jobs that retention no longer keeps, or in a dry run only says which. It
// reports each, and ends early when report fails.
func (c *Collector) Collect(ctx context.Context, dryRun bool, report func(*metav1.Garbage) error) error {
	if !c.Retention.Any() {
		return nil
	}
	jobs, _, err := c.State.Jobs.List(ctx, "")
	if err != nil {
		return err
	}
	for _, job := range c.Retention.goes(jobs, time.Now()) {
		g := &metav1.Garbage{Kind: "job", Name: job.item.Key, Reason: job.why}
		if !dryRun {
			_, err := c.State.Backend.Commit(ctx, c.State.Removal(job.item)...)
			if fault.Is(err, fault.Conflict) || fault.Is(err, fault.NotFound) { // it has changed, or gone
				continue
			}
			if err != nil {
				return err
			}
			g.Removed = true
		}
		if err := report(g); err != nil {
			return err
		}
	}
	return nil
}

// doomed is a job that goes.
type doomed struct {
	item item
	why  string
}

// goes says which jobs go, and why.
func (r Retention) goes(jobs []item, now time.Time) []doomed {
	ended := slices.DeleteFunc(slices.Clone(jobs), func(j item) bool {
		return !lifecycle.Ended(j.Value.GetStatus()) || j.Value.GetStatus().GetCompletionTime() == nil
	})
	slices.SortStableFunc(ended, func(a, b item) int { // the newest first
		return cmp.Or(endOf(b).Compare(endOf(a)), cmp.Compare(a.Key, b.Key))
	})
	var out []doomed
	kept := map[string]int{}
	for _, j := range ended {
		namespace := j.Value.GetMetadata().GetNamespace()
		switch age := now.Sub(endOf(j)); {
		case r.Jobs > 0 && age > r.Jobs:
			out = append(out, doomed{j, fmt.Sprintf("it ended %s ago, and jobs are kept for %s", age.Round(time.Second), r.Jobs)})
		case r.Count > 0 && kept[namespace] >= r.Count:
			out = append(out, doomed{j, fmt.Sprintf("it is not among the %d newest of namespace %s", r.Count, namespace)})
		default:
			kept[namespace]++
		}
	}
	return out
}

func endOf(j item) time.Time { return j.Value.GetStatus().GetCompletionTime().AsTime() }
