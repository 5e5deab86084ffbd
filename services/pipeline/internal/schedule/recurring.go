package schedule

import (
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Since is the time after which the next time of a recurring run with this
// schedule comes: the last that made a run or was passed over, before the first
// its start, and without one its creation.
func (s Schedule) Since(of *pipelinev1.RecurringRunState) time.Time {
	switch {
	case of.GetLastTime() != nil:
		return of.GetLastTime().AsTime()
	case !s.start.IsZero():
		return s.start
	}
	return of.GetRecurringRun().GetCreatedAt().AsTime().Truncate(time.Second)
}
