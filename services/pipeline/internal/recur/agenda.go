package recur

import (
	"slices"
	"time"
)

// agenda is when to look at which recurring run.
type agenda map[string]time.Time

// put adds a look, unless there is an earlier one.
func (a agenda) put(id string, at time.Time) {
	if planned, ok := a[id]; !ok || at.Before(planned) {
		a[id] = at
	}
}

// take removes and returns the looks whose time has come, the earliest first.
func (a agenda) take(now time.Time) []string {
	var due []string
	for id, at := range a {
		if !at.After(now) {
			due = append(due, id)
		}
	}
	slices.SortFunc(due, func(x, y string) int { return a[x].Compare(a[y]) })
	for _, id := range due {
		delete(a, id)
	}
	return due
}

// wait is how long there is nothing to do, at most the longest.
func (a agenda) wait(now time.Time, longest time.Duration) time.Duration {
	for _, at := range a {
		longest = min(longest, at.Sub(now))
	}
	return max(longest, 0)
}
