package scheduler

import "slices"

// claim is what is promised to a job: slots, until those end that have them, or
// only part of its queue's quota, when nothing else is missing.
type claim struct {
	job    *job
	slots  []slot
	gpus   int           // that are promised of the quota, in parts of Whole
	behind map[*job]bool // those that have the slots, or the quota
	tried  int64         // Scheduler.epoch when it was last looked at, without slots
}

// awaited is how many GPUs of its queue's quota, or its cohort's, those hold that
// the claim is behind.
func (c *claim) awaited() int {
	n := 0
	for j := range c.behind {
		if j.queue.sharesWith(c.job.queue) {
			n += j.cost()
		}
	}
	return n
}

// ripe reports whether it is worthwhile to look at a claim.
func (s *Scheduler) ripe(c *claim) bool {
	if len(c.slots) == 0 {
		return c.tried != s.epoch
	}
	return len(c.behind) == 0
}

// install promises what a claim says. Its job no longer waits in a class.
func (s *Scheduler) install(c *claim) {
	s.leave(c.job)
	c.job.claim = c
	s.claims = append(s.claims, c)
	s.keep(c)
}

// withdraw takes a promise back. Its job is then in no class.
func (s *Scheduler) withdraw(c *claim) {
	s.suspend(c)
	s.dismiss(c)
	s.wake()
}

// dismiss forgets a claim that is suspended.
func (s *Scheduler) dismiss(c *claim) {
	c.job.claim = nil
	if c.job.queue.reserved == c {
		c.job.queue.reserved = nil
	}
	s.claims = slices.DeleteFunc(s.claims, func(other *claim) bool { return other == c })
	for i := range c.slots {
		s.tidy(c.slots[i].m)
	}
}

// keep enters a promise into the books, and suspend takes it out for a while.
func (s *Scheduler) keep(c *claim) {
	for i := range c.slots {
		c.slots[i].m.promise(c.job, &c.slots[i])
	}
	c.job.queue.charge(0, c.gpus)
}

func (s *Scheduler) suspend(c *claim) {
	for i := range c.slots {
		c.slots[i].m.retract(c.job, &c.slots[i])
	}
	c.job.queue.charge(0, -c.gpus)
}

// honour places the jobs whose promised room is free by now.
func (s *Scheduler) honour() {
	for _, c := range slices.Clone(s.claims) {
		if c.job.claim != c || !s.ripe(c) {
			continue
		}
		if len(c.slots) == 0 && s.admissible(c.job) {
			s.retry(c)
			continue
		}
		s.suspend(c)
		s.dismiss(c)
		if s.admissible(c.job) && c.gpus <= c.job.queue.room() && s.vacant(c) {
			for i := range c.slots {
				c.slots[i].m.hold(c.job, &c.slots[i])
			}
			c.job.queue.charge(c.gpus, 0)
			s.place(c.job, c.slots)
			continue
		}
		s.wait(c.job)
		s.wake()
	}
}

// retry looks at a job to which only quota was promised.
func (s *Scheduler) retry(c *claim) {
	j := c.job
	s.suspend(c)
	slots, short := s.fit(j)
	switch short {
	case enough:
		s.dismiss(c)
		s.place(j, slots)
		s.wake() // it may have taken less than was promised
	case ofQuota:
		s.keep(c)
		c.tried = s.epoch
	default: // it is tried again, and then promised room too
		s.dismiss(c)
		s.wait(j)
		s.wake()
	}
}

// vacant reports whether all slots of a claim that is suspended are free.
func (s *Scheduler) vacant(c *claim) bool {
	asks := map[*machine]int64{}
	for i := range c.slots {
		at := &c.slots[i]
		need := &c.job.Groups[at.Group].Need
		asks[at.m] += need.MemoryBytes
		if !s.stands(c.job, at) || need.MemoryBytes > 0 && asks[at.m] > at.m.MemoryBytes-at.m.memory || !at.m.turn(c.job) {
			return false
		}
		if slices.ContainsFunc(at.GPUs, func(index int32) bool { return !at.m.free(at.m.position(index)) }) {
			return false
		}
	}
	return true
}

// stands reports whether the machine of a slot still is one for it.
func (s *Scheduler) stands(j *job, at *slot) bool {
	e := at.m.entry(j.shape.views[at.Group])
	if e == nil || j.Groups[at.Group].Need.CPUMilli > at.m.CPUMilli {
		return false
	}
	return !slices.ContainsFunc(at.GPUs, func(index int32) bool {
		i := at.m.position(index)
		return at.m.GPUs[i].Unhealthy || !e.suits[i]
	})
}

// reviewClaims takes back the promises that a change of nodes has made void.
func (s *Scheduler) reviewClaims() {
	for _, c := range slices.Clone(s.claims) {
		if slices.ContainsFunc(c.slots, func(at slot) bool { return !s.stands(c.job, &at) }) {
			s.withdraw(c)
			s.wait(c.job)
		}
	}
}

// setAside suspends the promises to jobs of lower priority than one that is tried.
func (s *Scheduler) setAside(j *job) []*claim {
	var aside []*claim
	for _, c := range s.claims {
		if c.job.Priority < j.Priority {
			s.suspend(c)
			aside = append(aside, c)
		}
	}
	return aside
}

// takeUp makes suspended promises again, but for those that slots which were taken
// meanwhile have come in the way of: their jobs wait as before.
func (s *Scheduler) takeUp(aside []*claim, taken []slot) {
	for _, c := range aside {
		if !c.blocked(taken) && (len(taken) == 0 || c.gpus <= c.job.queue.room()+c.awaited()) {
			s.keep(c)
			continue
		}
		s.dismiss(c)
		s.wait(c.job)
		s.wake()
	}
}

// blocked reports whether slots that others have taken are in the way of a claim.
func (c *claim) blocked(taken []slot) bool {
	for i := range c.slots {
		at := &c.slots[i]
		for k := range taken {
			if taken[k].m != at.m {
				continue
			}
			if at.m.Limit > 0 || c.job.Groups[at.Group].Need.MemoryBytes > 0 && c.shortOfMemory(at.m) || sharesGPU(at, &taken[k]) {
				return true
			}
		}
	}
	return false
}

// shortOfMemory reports whether a machine has too little memory for a claim that is
// suspended, also once those have ended that it is behind.
func (c *claim) shortOfMemory(m *machine) bool {
	free := m.MemoryBytes - m.memory
	for j := range c.behind {
		free += j.memoryOn(m)
	}
	for i := range c.slots {
		if c.slots[i].m == m {
			free -= c.job.Groups[c.slots[i].Group].Need.MemoryBytes
		}
	}
	return free < 0
}

// memoryOn is how much memory of a machine a job holds.
func (j *job) memoryOn(m *machine) int64 {
	var n int64
	for i := range j.slots {
		if j.slots[i].m == m {
			n += j.Groups[j.slots[i].Group].Need.MemoryBytes
		}
	}
	return n
}

func sharesGPU(a, b *slot) bool {
	return slices.ContainsFunc(a.GPUs, func(index int32) bool { return slices.Contains(b.GPUs, index) })
}
