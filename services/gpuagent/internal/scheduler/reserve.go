package scheduler

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// retryReservations is the part of Policy.Patience after which it is tried again
// to promise room where there was none to promise.
const retryReservations = 4

// reserve promises room to the first job of each queue that has waited for too
// long.
func (s *Scheduler) reserve() {
	s.next = time.Time{}
	patience := s.policy.patience()
	if patience < 0 {
		return
	}
	for _, a := range s.accounts {
		j := s.firstWaiting(a)
		if j == nil || a.reserved != nil {
			continue
		}
		due := j.Submitted.Add(patience)
		if due.Before(a.retry) {
			due = a.retry
		}
		if due.After(s.now) {
			s.sooner(due)
			continue
		}
		if !s.reserveFor(j) {
			a.retry = s.now.Add(patience / retryReservations)
			s.sooner(a.retry)
		}
	}
}

// sooner has Next be no later than some time.
func (s *Scheduler) sooner(t time.Time) {
	if s.next.IsZero() || t.Before(s.next) {
		s.next = t
	}
}

// firstWaiting is the first job of a queue that waits and has hope, and to which
// nothing is promised.
func (s *Scheduler) firstWaiting(a *account) *job {
	var first *job
	for _, c := range a.classes {
		if c.grows || c.found.hopeless {
			continue
		}
		if first == nil || before(c.jobs[0], first) < 0 {
			first = c.jobs[0]
		}
	}
	return first
}

// reserveFor promises room to a job: only quota when there is room, and otherwise
// the slots of those that have run for the longest.
func (s *Scheduler) reserveFor(j *job) bool {
	if gpus, ok := s.fitsBeyondQuota(j); ok {
		c := &claim{job: j, gpus: gpus, tried: s.epoch}
		s.install(c)
		j.queue.reserved = c
		return true
	}
	var list []*job
	for _, a := range s.accounts {
		for _, other := range a.running {
			if !other.ending {
				list = append(list, other)
			}
		}
	}
	slices.SortFunc(list, func(a, b *job) int { return cmp.Compare(a.turn, b.turn) })
	slots, behind := s.makeRoom(j, list, func(*job) bool { return true })
	if len(slots) == 0 {
		return false
	}
	j.queue.reserved = s.claimFor(j, slots, behind)
	return true
}

// fitsBeyondQuota reports whether a job lacks nothing but quota, and how much it
// asks for.
func (s *Scheduler) fitsBeyondQuota(j *job) (gpus int, ok bool) {
	if gpus = j.leastCost(); gpus <= j.queue.room() {
		return 0, false
	}
	f := &fitting{s: s, j: j}
	defer f.undo(0)
	return gpus, f.first(j.shape.runs, math.MaxInt) >= j.gang()
}
