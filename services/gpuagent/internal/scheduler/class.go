package scheduler

import (
	"cmp"
	"slices"
)

// job is a Job and what became of it.
type job struct {
	Job
	queue *account
	shape *shape
	class *class // in which it waits, or has replicas that wait; nil when none do
	claim *claim // what is promised to it; nil when nothing is
	slots []slot // that it holds, in order of group and index

	turn   int64  // when it was placed, as a number that grows
	ending bool   // whether it was told to make room
	told   reason // of the last Wait; the zero one when there was none
}

// gang is how many replicas are placed together before any starts.
func (j *job) gang() int {
	if j.GangMin <= 0 {
		return j.shape.replicas
	}
	return min(j.GangMin, j.shape.replicas)
}

// placed reports whether the job runs.
func (j *job) placed() bool { return len(j.slots) > 0 }

// cost is what the GPUs that the job holds count in quotas.
func (j *job) cost() int { return costOf(j.slots) }

// gpus is how many GPUs the job holds.
func (j *job) gpus() int {
	n := 0
	for i := range j.slots {
		n += len(j.slots[i].GPUs)
	}
	return n
}

// class is the jobs of a queue that wait and ask for the same. When its first
// does not fit, none does.
type class struct {
	queue *account
	shape *shape
	jobs  []*job  // first to run first
	tried int64   // Scheduler.epoch when its first did not fit; 0 when that is open
	found finding // why its first did not fit
	grows bool    // whether its only job runs, and has replicas that wait
}

type classKey struct {
	queue *account
	shape *shape
}

// before orders jobs of equal rights: by priority, then by age.
func before(a, b *job) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), a.Submitted.Compare(b.Submitted), cmp.Compare(a.UID, b.UID))
}

// wait enters a job into its class.
func (s *Scheduler) wait(j *job) {
	if j.placed() {
		c := &class{queue: j.queue, shape: j.shape, jobs: []*job{j}, grows: true}
		j.class = c
		j.queue.classes = append(j.queue.classes, c)
		return
	}
	key := classKey{j.queue, j.shape}
	c := s.classes[key]
	if c == nil {
		c = &class{queue: j.queue, shape: j.shape}
		s.classes[key] = c
		j.queue.classes = append(j.queue.classes, c)
	}
	j.class = c
	i, _ := slices.BinarySearchFunc(c.jobs, j, before)
	c.jobs = slices.Insert(c.jobs, i, j)
	if i == 0 { // it fits no better than the one that was first, but may have rights which that has not
		c.tried = 0
	}
}

// leave takes a job out of its class, and the class away with its last.
func (s *Scheduler) leave(j *job) {
	c := j.class
	if c == nil {
		return
	}
	j.class = nil
	switch i, _ := slices.BinarySearchFunc(c.jobs, j, before); {
	case c.grows: // keeps its job, for the pass that may be going on
	case i == 0:
		c.jobs = c.jobs[1:]
	default:
		c.jobs = slices.Delete(c.jobs, i, i+1)
	}
	if len(c.jobs) > 0 && !c.grows {
		return
	}
	c.queue.classes = slices.DeleteFunc(c.queue.classes, func(other *class) bool { return other == c })
	if !c.grows {
		delete(s.classes, classKey{c.queue, c.shape})
	}
}

// open reports whether it is worthwhile to look at a class.
func (s *Scheduler) open(c *class) bool { return c.tried != s.epoch }
