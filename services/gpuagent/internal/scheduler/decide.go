package scheduler

import (
	"cmp"
	"slices"
	"time"
)

// Decide returns what is to be done by now.
func (s *Scheduler) Decide(now time.Time) []Decision {
	s.age(now)
	s.now, s.decisions = now, nil
	s.honour()
	for s.pass() { // again when what was promised to one became free for others
	}
	s.reserve()
	s.tellOthers()
	return s.decisions
}

// candidate is a class whose first job is to be tried, and the share its queue
// had when it was put in order.
type candidate struct {
	class *class
	share float64
}

func (s *Scheduler) candidate(c *class) candidate {
	if !s.policy.FairShare {
		return candidate{class: c}
	}
	return candidate{class: c, share: s.share(c.queue)}
}

// later orders candidates, the first to be tried last.
func later(a, b candidate) int {
	return cmp.Or(cmp.Compare(b.share, a.share), before(b.class.jobs[0], a.class.jobs[0]))
}

// pass tries the jobs that may fit, each in its turn, and reports whether any were.
func (s *Scheduler) pass() bool {
	var open []candidate
	for _, a := range s.accounts {
		for _, c := range a.classes {
			if s.open(c) {
				open = append(open, s.candidate(c))
			}
		}
	}
	slices.SortFunc(open, later)
	some := len(open) > 0
	again := func(c *class) {
		at := s.candidate(c)
		i, _ := slices.BinarySearchFunc(open, at, later)
		open = slices.Insert(open, i, at)
	}
	for len(open) > 0 {
		last := open[len(open)-1]
		open = open[:len(open)-1]
		c := last.class
		if c.jobs[0].class != c { // it was preempted meanwhile, and does not grow any more
			continue
		}
		if s.candidate(c).share > last.share { // others of its queue were placed meanwhile
			again(c)
			continue
		}
		if !s.try(c.jobs[0]) {
			c.tried = s.epoch
		} else if len(c.jobs) > 0 {
			again(c)
		}
	}
	return some
}

// try places the first job of a class, or has others make room for it, and
// reports whether it did. Then the job no longer waits in its class.
func (s *Scheduler) try(j *job) bool {
	if !s.admissible(j) {
		s.tell(j, enough)
		return false
	}
	slots, short := s.fit(j)
	if short == enough {
		s.place(j, slots)
		return true
	}
	if slots = s.insist(j); len(slots) == 0 {
		s.tell(j, short)
	}
	return len(slots) > 0
}

// insist finds slots for a job at the cost of others: those that are promised to
// jobs of lower priority, and those of jobs that must make room. It returns what is
// then held for the job, or promised to it.
func (s *Scheduler) insist(j *job) (slots []slot) {
	aside := s.setAside(j)
	defer func() { s.takeUp(aside, slots) }()
	if len(aside) > 0 {
		var short shortage
		if slots, short = s.fit(j); short == enough {
			s.place(j, slots)
			return slots
		}
	}
	if j.placed() {
		return nil // it does with what it has
	}
	return s.preempt(j)
}

// admissible reports whether the queue of a job is one to run jobs of.
func (s *Scheduler) admissible(j *job) bool { return j.queue.known || !s.policy.KnownQueuesOnly }

// place has a job run in slots that are held for it, or more of it run.
func (s *Scheduler) place(j *job, slots []slot) {
	joins := j.placed()
	s.leave(j)
	j.told = reason{}
	s.settle(j, slots)
	if j.class != nil {
		j.class.tried = s.epoch // there was no room for more
	}
	s.decisions = append(s.decisions, Place{UID: j.UID, Slots: external(slots), Joins: joins})
}

// settle enters what a job holds from now on.
func (s *Scheduler) settle(j *job, slots []slot) {
	first := !j.placed()
	j.slots = append(j.slots, slots...)
	if first && j.placed() {
		s.turn++
		j.turn = s.turn
		j.queue.running = append(j.queue.running, j)
		s.countVictim(j, 1)
	}
	slices.SortFunc(j.slots, func(a, b slot) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Index, b.Index)) })
	if j.placed() && j.lacks() {
		s.wait(j) // for the others
	}
}

// countVictim enters into the books of its queue that a job which others may
// preempt runs, or no longer does.
func (s *Scheduler) countVictim(j *job, n int) {
	if !j.Preemptible || j.ending || !j.placed() {
		return
	}
	if j.queue.victims[j.Priority] += n; j.queue.victims[j.Priority] == 0 {
		delete(j.queue.victims, j.Priority)
	}
}

func external(slots []slot) []Slot {
	list := make([]Slot, len(slots))
	for i := range slots {
		list[i] = slots[i].Slot
	}
	return list
}
