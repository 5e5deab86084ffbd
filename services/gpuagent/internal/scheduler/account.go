package scheduler

import (
	"math"
	"time"
)

// account is a queue and what its jobs have.
type account struct {
	Queue
	known    bool // whether the queue was set
	cohort   *cohort
	used     int // GPUs that its jobs hold, in parts of Whole as all amounts here are
	promised int // GPUs that are kept for its jobs
	average  float64
	classes  []*class      // of its jobs that wait, in no order
	reserved *claim        // of the job that waited too long
	retry    time.Time     // when to try again to promise room; only where that failed
	running  []*job        // of its jobs, by turn
	victims  map[int32]int // of its jobs that may be preempted, by priority
	jobs     int
}

// cohort is queues that lend each other what they do not use.
type cohort struct {
	lendable int // GPUs of all that may be lent
	drawn    int // GPUs in use beyond what each keeps for itself
	members  []*account
}

// kept is how many GPUs of its quota a queue does not lend.
func (a *account) kept() int {
	if a.LendingLimit == Unlimited {
		return 0
	}
	return max(0, a.Quota-a.LendingLimit) * Whole
}

// quota is that of a queue which has one.
func (a *account) quota() int { return a.Quota * Whole }

// sharesWith reports whether what one queue gives back another may use.
func (a *account) sharesWith(other *account) bool {
	return a == other || a.cohort != nil && a.cohort == other.cohort
}

// drawn is how many of the GPUs that the cohort lends the queue uses, its own included.
func (a *account) drawn() int { return max(0, a.used+a.promised-a.kept()) }

// borrowed is how many GPUs the queue uses beyond its quota.
func (a *account) borrowed() int {
	if a.Quota == Unlimited {
		return 0
	}
	return max(0, a.used-a.quota())
}

// ceiling is how many GPUs the queue may use at most, whatever others do.
func (a *account) ceiling() int {
	switch {
	case a.Quota == Unlimited:
		return math.MaxInt
	case a.cohort == nil:
		return a.quota()
	}
	most := a.cohort.lendable + a.kept()
	if a.BorrowingLimit != Unlimited {
		most = min(most, (a.Quota+a.BorrowingLimit)*Whole)
	}
	return most
}

// room is how many more GPUs the queue may use now.
func (a *account) room() int {
	ceiling := a.ceiling()
	if ceiling == math.MaxInt {
		return ceiling
	}
	inUse := a.used + a.promised
	room := ceiling - inUse
	if a.cohort != nil {
		room = min(room, max(0, a.cohort.lendable-a.cohort.drawn)+max(0, a.kept()-inUse))
	}
	return max(0, room)
}

// charge enters that jobs of the queue hold so many GPUs more, or fewer, and that
// so many more are kept for them.
func (a *account) charge(used, promised int) {
	before := a.drawn()
	a.used, a.promised = a.used+used, a.promised+promised
	if a.cohort != nil {
		a.cohort.drawn += a.drawn() - before
	}
}

// regroup makes the cohorts anew.
func (s *Scheduler) regroup() {
	s.cohorts = map[string]*cohort{}
	for _, a := range s.accounts {
		a.cohort = nil
		if a.Cohort == "" || a.Quota == Unlimited {
			continue
		}
		c := s.cohorts[a.Cohort]
		if c == nil {
			c = &cohort{}
			s.cohorts[a.Cohort] = c
		}
		a.cohort = c
		c.members = append(c.members, a)
		c.lendable += a.quota() - a.kept()
		c.drawn += a.drawn()
	}
}

// share is how much a queue uses beyond its quota, as a part of what may be lent
// to it, by weight.
func (s *Scheduler) share(a *account) float64 {
	used, lendable := float64(a.used), float64(s.gpus)
	if s.policy.HalfLife > 0 {
		used = a.average
	}
	if a.Quota != Unlimited {
		used -= float64(a.quota())
		lendable = float64(a.quota())
		if a.cohort != nil {
			lendable = float64(a.cohort.lendable)
		}
	}
	if used <= 0 {
		return 0
	}
	weight := a.Weight
	if weight <= 0 {
		weight = 1
	}
	return used / lendable / weight
}

// age lets past use fade: what was used a half-life ago counts half.
func (s *Scheduler) age(now time.Time) {
	passed := now.Sub(s.now)
	if s.policy.HalfLife <= 0 || s.now.IsZero() || passed <= 0 {
		return
	}
	fades := math.Exp2(-float64(passed) / float64(s.policy.HalfLife))
	for _, a := range s.accounts {
		a.average = a.average*fades + float64(a.used)*(1-fades)
	}
}
