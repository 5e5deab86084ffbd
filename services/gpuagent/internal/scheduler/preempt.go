package scheduler

import (
	"cmp"
	"fmt"
	"slices"
)

// preempt has other jobs make room for one that does not fit, as far as its queue
// may: those that borrow what is its own first, then those of lower priority; the
// lowest and newest before others. What they hold is promised to it: the slots
// returned, or none.
func (s *Scheduler) preempt(j *job) []slot {
	list := s.victims(j)
	if len(list) == 0 {
		return nil
	}
	slots, behind := s.makeRoom(j, list, func(other *job) bool { return s.yields(other, j) || other.queue.borrowed() > 0 })
	if len(slots) == 0 {
		return nil
	}
	s.claimFor(j, slots, behind)
	for _, victim := range behind {
		if victim.ending {
			continue
		}
		s.decisions = append(s.decisions, Preempt{UID: victim.UID, For: j.UID, Because: s.because(victim, j)})
		s.countVictim(victim, -1)
		victim.ending = true
		s.ending = append(s.ending, victim)
		s.leave(victim) // it does not grow any more
	}
	return slots
}

// claimFor promises slots to a job, once those have ended that have them.
func (s *Scheduler) claimFor(j *job, slots []slot, behind []*job) *claim {
	c := &claim{job: j, slots: slots, behind: make(map[*job]bool, len(behind))}
	for i := range slots {
		c.gpus += slots[i].cost
	}
	for _, other := range behind {
		c.behind[other] = true
	}
	s.install(c)
	return c
}

// victims is the jobs that must make room for another, if there is need, in the
// order in which they must.
func (s *Scheduler) victims(j *job) []*job {
	var borrowers, lower []*job
	for _, a := range s.accounts {
		takesBack, below := s.takesBack(j, a), a.below(j)
		if len(a.victims) == 0 || !takesBack && !below {
			continue
		}
		for _, other := range a.running {
			switch {
			case !other.Preemptible || other.ending:
			case takesBack && (j.queue.Reclaim == AnyPriority || other.Priority < j.Priority) && other.gpus() > 0:
				borrowers = append(borrowers, other)
			case below && other.Priority < j.Priority:
				lower = append(lower, other)
			}
		}
	}
	if !s.mayFit(j, s.ending, borrowers, lower) {
		return nil
	}
	lowestAndNewest := func(a, b *job) int { return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.turn, a.turn)) }
	slices.SortFunc(borrowers, lowestAndNewest)
	slices.SortFunc(lower, lowestAndNewest)
	return append(borrowers, lower...)
}

// takesBack reports whether a job may take back what a queue has borrowed of its own.
func (s *Scheduler) takesBack(j *job, from *account) bool {
	to := j.queue
	return to.cohort != nil && to.Reclaim != Nobody && from != to && from.cohort == to.cohort &&
		from.borrowed() > 0 && to.used+to.promised+j.leastCost() <= to.quota()
}

// below reports whether jobs of a queue must yield to another.
func (a *account) below(j *job) bool {
	if !together(a, j.queue) {
		return false
	}
	for priority := range a.victims {
		if priority < j.Priority {
			return true
		}
	}
	return false
}

// yields reports whether a job must yield to another of higher priority.
func (s *Scheduler) yields(other, j *job) bool {
	return other.Priority < j.Priority && together(other.queue, j.queue)
}

// together reports whether jobs of a queue yield to those of another that are of
// higher priority.
func together(a, to *account) bool {
	return to.Preempt != Nobody && (a == to || a.Quota == Unlimited && to.Quota == Unlimited)
}

func (s *Scheduler) because(victim, j *job) string {
	if s.yields(victim, j) {
		return fmt.Sprintf("makes room for %s, which has priority %d and not %d", j.title(), j.Priority, victim.Priority)
	}
	return fmt.Sprintf("gives back GPUs of queue %s, which needs them for %s; queue %s holds %s and has %s of its own",
		j.Queue, j.title(), victim.Queue, number(victim.queue.used), number(victim.queue.quota()))
}

// title is a job as sentences name it.
func (j *job) title() string {
	if j.Namespace == "" {
		return j.Name
	}
	return j.Namespace + "/" + j.Name
}

// leastCost is what the GPUs count in quotas, at most, that the replicas ask for which are
// placed together.
func (j *job) leastCost() int {
	n, left := 0, j.gang()
	for i := range j.shape.runs {
		count := min(left, j.shape.runs[i].count)
		n, left = n+count*j.shape.runs[i].cost(), left-count
	}
	return n
}
