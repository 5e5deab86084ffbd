package recur

import (
	"time"

	"github.com/google/uuid"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/schedule"
)

// decision is what there is to do about a recurring run. Both are zero when
// there is nothing before it changes.
type decision struct {
	due  time.Time // the time of the schedule to make a run for, as soon as there is room
	wake time.Time // when something is due
}

// decide says what to do about a recurring run at a time.
func decide(of *pipelinev1.RecurringRunState, now time.Time) (decision, error) {
	if of.GetRecurringRun().GetStatus() != pipelinev1.RecurringRun_ENABLED {
		return decision{}, nil
	}
	times, err := schedule.Parse(of.GetRecurringRun().GetTrigger())
	if err != nil {
		return decision{}, err
	}
	next, ok := times.Next(times.Since(of))
	switch {
	case !ok:
		return decision{}, nil
	case next.After(now):
		return decision{wake: next}, nil
	case of.GetRecurringRun().GetNoCatchup():
		next, _ = times.Last(times.Since(of), now) // there is one: next has come
	}
	return decision{due: next}, nil
}

// missed is the last time that has come by now; at least due, which has.
func missed(of *pipelinev1.RecurringRunState, due, now time.Time) time.Time {
	times, err := schedule.Parse(of.GetRecurringRun().GetTrigger())
	if err != nil {
		return due
	}
	if last, ok := times.Last(times.Since(of), now); ok && last.After(due) {
		return last
	}
	return due
}

// RunID is the id of the run that a recurring run makes for a time.
func RunID(recurringRunID string, at time.Time) string {
	return uuid.NewSHA1(uuid.NameSpaceURL, []byte("kfmesh:recurringrun/"+recurringRunID+"/"+at.UTC().Format(time.RFC3339Nano))).String()
}
