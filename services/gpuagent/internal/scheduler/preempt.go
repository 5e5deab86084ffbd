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
	if !s.reclaims(j) && !s.outranks(j) {
		return nil
	}
	var leaving, list []*job // those that leave anyway come first
	for _, other := range s.running {
		switch {
		case other.ending:
			leaving = append(leaving, other)
		case other.Preemptible && (s.yields(other, j) || s.borrowsFrom(other, j)):
			list = append(list, other)
		}
	}
	slices.SortFunc(list, func(a, b *job) int {
		return cmp.Or(-compareBool(s.borrowsFrom(a, j), s.borrowsFrom(b, j)), cmp.Compare(a.Priority, b.Priority), cmp.Compare(b.turn, a.turn))
	})
	slots, behind := s.makeRoom(j, append(leaving, list...), func(other *job) bool {
		return other.ending || s.yields(other, j) || s.borrowsFrom(other, j)
	})
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
		s.leave(victim) // it does not grow any more
	}
	return slots
}

// claimFor promises slots to a job, once those have ended that have them.
func (s *Scheduler) claimFor(j *job, slots []slot, behind []*job) *claim {
	c := &claim{job: j, slots: slots, behind: make(map[*job]bool, len(behind))}
	for i := range slots {
		c.gpus += len(slots[i].GPUs)
	}
	for _, other := range behind {
		c.behind[other] = true
	}
	s.install(c)
	return c
}

// reclaims reports whether a job may take back what others borrowed of its queue's quota.
func (s *Scheduler) reclaims(j *job) bool {
	a := j.queue
	if a.cohort == nil || a.Reclaim == Nobody || a.used+a.promised+j.leastGPUs() > a.Quota {
		return false
	}
	return slices.ContainsFunc(a.cohort.members, func(other *account) bool {
		return other != a && other.borrowed() > 0 && len(other.victims) > 0
	})
}

// borrowsFrom reports whether a job holds GPUs that the queue of another may take back.
func (s *Scheduler) borrowsFrom(other, j *job) bool {
	a := j.queue
	return a.cohort != nil && other.queue.cohort == a.cohort && other.queue != a && other.queue.borrowed() > 0 && other.gpus() > 0 &&
		a.used+a.promised+j.leastGPUs() <= a.Quota &&
		(a.Reclaim == AnyPriority || a.Reclaim == LowerPriority && other.Priority < j.Priority)
}

// outranks reports whether jobs run that must yield to one.
func (s *Scheduler) outranks(j *job) bool {
	for _, a := range s.accounts {
		if len(a.victims) == 0 || !together(a, j.queue) {
			continue
		}
		for priority := range a.victims {
			if priority < j.Priority {
				return true
			}
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
	return fmt.Sprintf("gives back GPUs of queue %s, which needs them for %s; queue %s holds %d and has %d of its own",
		j.Queue, j.title(), victim.Queue, victim.queue.used, victim.queue.Quota)
}

// title is a job as sentences name it.
func (j *job) title() string {
	if j.Namespace == "" {
		return j.Name
	}
	return j.Namespace + "/" + j.Name
}

// leastGPUs is how many GPUs the replicas ask for that are placed together.
func (j *job) leastGPUs() int {
	n, left := 0, j.gang()
	for i := range j.shape.runs {
		count := min(left, j.shape.runs[i].count)
		n, left = n+count*int(j.shape.runs[i].need.GPUs), left-count
	}
	return n
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
