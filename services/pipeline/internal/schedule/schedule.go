// Package schedule computes the times at which a recurring run makes runs.
//
// A schedule is a set of instants, whole seconds apart: those of a cron
// expression, or start plus every multiple of an interval. It has no state and
// no clock, so what has been missed is found by asking it again; everything here
// is pure. As in KFP, the first run of an interval comes one interval after the
// start, a start in the past is caught up with, and times that a cron expression
// names are UTC unless it begins with "TZ=<zone> ".
package schedule

import (
	"sort"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule is when runs are made.
type Schedule struct {
	times rule
	start time.Time // times come after it; zero for none
	end   time.Time // no time comes after it; zero for never
}

// rule gives the instants of a schedule, unbounded.
type rule interface {
	// next is the first instant after t, zero when there is none.
	next(t time.Time) time.Time
	// last is the last instant after t and not after now, zero when there is none.
	last(t, now time.Time) time.Time
}

// Next returns the first time of the schedule after t, or false when there is
// none.
func (s Schedule) Next(t time.Time) (time.Time, bool) {
	next := s.times.next(s.notBefore(t))
	return next, s.holds(next)
}

// Last returns the last time of the schedule after t and not after now, or false
// when there is none.
func (s Schedule) Last(t, now time.Time) (time.Time, bool) {
	if !s.end.IsZero() && s.end.Before(now) {
		now = s.end
	}
	last := s.times.last(s.notBefore(t), now)
	return last, s.holds(last)
}

func (s Schedule) notBefore(t time.Time) time.Time {
	if t.Before(s.start) {
		return s.start
	}
	return t
}

// holds reports whether a time of the rule is one of the schedule.
func (s Schedule) holds(t time.Time) bool {
	return !t.IsZero() && (s.end.IsZero() || !t.After(s.end))
}

// interval is the rule of a fixed distance, counted from where one asks.
type interval time.Duration

func (i interval) next(t time.Time) time.Time { return t.Add(time.Duration(i)) }

func (i interval) last(t, now time.Time) time.Time {
	passed := now.Sub(t) / time.Duration(i)
	if passed < 1 {
		return time.Time{}
	}
	return t.Add(passed * time.Duration(i))
}

// expression is the rule of a cron expression.
type expression struct{ cron.Schedule }

func (e expression) next(t time.Time) time.Time {
	next := e.Next(t.UTC())
	if next.IsZero() {
		return next
	}
	return next.UTC()
}

// last bisects: the later one asks, the later is the next time, so there is one
// second after which no time comes that is not after now.
func (e expression) last(t, now time.Time) time.Time {
	comes := func(t time.Time) bool {
		next := e.next(t)
		return !next.IsZero() && !next.After(now)
	}
	if !comes(t) {
		return time.Time{}
	}
	seconds := sort.Search(int(now.Sub(t)/time.Second)+1, func(i int) bool {
		return !comes(t.Add(time.Duration(i+1) * time.Second))
	})
	return e.next(t.Add(time.Duration(seconds) * time.Second))
}
