// Package garbage decides what of finished runs is kept no longer. It is pure:
// it is told what there is, and says what goes and why.
//
// Retention says which finished runs go. A run keeps its artifacts in a Place of
// its own below the artifact root; when the run is gone the place goes, but for
// what runs that exist have used of it (see FateOf). Whoever acts on these
// decisions has to see to it that nothing begins to be used meanwhile.
package garbage

import (
	"fmt"
	"time"
)

// Retention says what is kept. Zero values keep everything.
type Retention struct {
	Runs      time.Duration // how long runs are kept after they finished
	RunsCount int           // how many finished runs of an experiment are kept, the newest
	CacheTTL  time.Duration // how long cache entries count
}

// Any reports whether anything goes because of its age or number.
func (r Retention) Any() bool { return r != Retention{} }

// Cutoff is the time of which runs that finished before it go, and whether there
// is one.
func (r Retention) Cutoff(now time.Time) (time.Time, bool) { return now.Add(-r.Runs), r.Runs > 0 }

// WhyOld is why a run that finished before the cutoff goes.
func (r Retention) WhyOld(finished, now time.Time) string {
	return fmt.Sprintf("it finished %s ago and runs are kept for %s", coarse(now.Sub(finished)), coarse(r.Runs))
}

// WhyMany is why a run goes that is not among the newest of its experiment.
func (r Retention) WhyMany(experiment string) string {
	return fmt.Sprintf("it is not among the %d newest of experiment %s", r.RunsCount, experiment)
}

// coarse writes a time span in days or hours where it is long.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day && d%day == 0, d >= 4*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.Round(time.Second).String()
}
