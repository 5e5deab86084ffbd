package scheduler

import "slices"

// makeRoom finds the jobs that must go for another to fit, out of a list in the
// order in which they are to go, and where it is placed then. No job of them can be
// spared. Nothing has changed when it returns; without a way it returns none.
func (s *Scheduler) makeRoom(j *job, list []*job, may func(*job) bool) (slots []slot, leaving []*job) {
	if !s.mayFit(j, list) {
		return nil, nil
	}
	var gone []*job
	fits := false
	for _, other := range list {
		if !may(other) {
			continue
		}
		s.lift(other)
		gone = append(gone, other)
		if slots, fits = s.imagine(j); fits {
			break
		}
	}
	if fits {
		gone = s.spare(j, slots, gone)
		slots, fits = s.imagine(j)
	}
	for _, other := range gone {
		s.putBack(other)
	}
	if !fits {
		return nil, nil
	}
	return slots, gone
}

// mayFit tells quickly when a job does not fit even if all of a list were gone.
func (s *Scheduler) mayFit(j *job, list []*job) bool {
	if len(list) == 0 {
		return false
	}
	short := j.leastGPUs()
	for _, v := range j.shape.views {
		short -= v.free()
	}
	for _, other := range list {
		if short <= 0 {
			return true
		}
		short -= other.gpus()
	}
	return short <= 0
}

// imagine is fit, undone.
func (s *Scheduler) imagine(j *job) ([]slot, bool) {
	slots, short := s.fit(j)
	for i := range slots {
		slots[i].m.drop(j, &slots[i])
		j.queue.charge(-len(slots[i].GPUs), 0)
	}
	return slots, short == enough
}

// spare puts back of the jobs that were lifted those that need not go, the last
// first, and returns the others.
func (s *Scheduler) spare(j *job, slots []slot, gone []*job) []*job {
	planned := map[*machine]bool{}
	for i := range slots {
		planned[slots[i].m] = true
	}
	elsewhere := func(other *job) bool {
		return !slices.ContainsFunc(other.slots, func(at slot) bool { return planned[at.m] })
	}
	for _, other := range gone { // most of them at once
		if elsewhere(other) {
			s.putBack(other)
		}
	}
	if _, fits := s.imagine(j); fits {
		gone = slices.DeleteFunc(gone, elsewhere)
	} else { // they have quota that the job needs
		for _, other := range gone {
			if elsewhere(other) {
				s.lift(other)
			}
		}
	}
	for i := len(gone) - 1; i >= 0; i-- {
		s.putBack(gone[i])
		if _, fits := s.imagine(j); fits {
			gone = slices.Delete(gone, i, i+1)
		} else {
			s.lift(gone[i])
		}
	}
	return gone
}

// lift takes out of the books what a job holds, and putBack enters it again.
func (s *Scheduler) lift(j *job) {
	for i := range j.slots {
		j.slots[i].m.drop(j, &j.slots[i])
	}
	j.queue.charge(-j.gpus(), 0)
}

func (s *Scheduler) putBack(j *job) {
	for i := range j.slots {
		j.slots[i].m.hold(j, &j.slots[i])
	}
	j.queue.charge(j.gpus(), 0)
}
