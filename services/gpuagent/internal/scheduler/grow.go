package scheduler

import (
	"slices"
)

// Resize gives a job other numbers of replicas of the same kinds. What it holds it keeps,
// also of replicas that it is to have no more: Vacate gives those back, once they have
// ended. What it now lacks joins when there is room. Of a job that waits, promises are
// taken back.
func (s *Scheduler) Resize(uid string, groups []Group, gangMin int) {
	j := s.jobs[uid]
	if j == nil {
		return
	}
	s.leave(j)
	if j.claim != nil {
		s.withdraw(j.claim)
	}
	j.Groups, j.GangMin, j.told = groups, gangMin, reason{}
	j.shape = s.shapeOf(&j.Job)
	if j.placed() {
		s.grow(j)
		return
	}
	s.wait(j)
	s.fresh = append(s.fresh, j)
}

// Vacate gives back what some replicas of a job have held that runs on with the others.
// Those that it still is to have wait to join it again. Slots that it does not hold are
// passed over.
func (s *Scheduler) Vacate(uid string, ended []Slot) {
	j := s.jobs[uid]
	if j == nil {
		return
	}
	var left, gone []slot
	for _, at := range j.slots {
		if slices.ContainsFunc(ended, func(other Slot) bool { return other.Group == at.Group && other.Index == at.Index }) {
			gone = append(gone, at)
		} else {
			left = append(left, at)
		}
	}
	if len(left) == 0 { // it does not run any more
		s.Requeue(uid)
		return
	}
	for i := range gone {
		gone[i].m.drop(j, &gone[i])
		j.queue.charge(-gone[i].cost, 0)
	}
	j.slots = left
	for i := range gone {
		s.tidy(gone[i].m)
	}
	s.leave(j)
	s.grow(j)
	s.wake()
	s.reconsider(j)
}

// reconsider takes back the promises to jobs that wait for the end of one that goes on with
// less: what they wait for may be free now. One that makes room does end.
func (s *Scheduler) reconsider(j *job) {
	for _, c := range slices.Clone(s.claims) {
		if c.behind[j] && !j.ending {
			s.withdraw(c)
			s.wait(c.job)
		}
	}
}

// grow has a job that runs wait for the replicas that it lacks, if there are any. One that
// makes room for others does not grow.
func (s *Scheduler) grow(j *job) {
	if j.lacks() && !j.ending {
		s.wait(j)
	}
}

// lacks reports whether replicas of a job are not placed.
func (j *job) lacks() bool {
	if len(j.slots) < j.shape.replicas {
		return true
	}
	_, missing, _ := j.missing()
	return missing > 0
}

// oneMore is a job that asks for what the first replica asks for that a job lacks: what that
// waits for is said of it.
func (s *Scheduler) oneMore(j *job) *job {
	runs, _, _ := j.missing()
	one := &job{Job: j.Job, queue: j.queue}
	one.Groups, one.GangMin = []Group{j.Groups[runs[0].group]}, 0
	one.Groups[0].Count = 1
	one.shape = s.shapeOf(&one.Job)
	return one
}
