package scheduler

import "slices"

// makeRoom finds the jobs that must go for another to fit, out of those that leave
// anyway and of a list in the order in which they are to go, and where it is placed
// then. No job of them can be spared. Nothing has changed when it returns; without a
// way it returns none.
func (s *Scheduler) makeRoom(j *job, list []*job, may func(*job) bool) (slots []slot, leaving []*job) {
	if !s.mayFit(j, s.ending, list) {
		return nil, nil
	}
	gone := slices.Clone(s.ending)
	for _, other := range gone {
		s.lift(other)
	}
	slots, fits := s.imagine(j)
	for _, other := range list {
		if fits {
			break
		}
		if may(other) {
			s.lift(other)
			gone = append(gone, other)
			slots, fits = s.imagine(j)
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

// mayFit tells quickly when a job does not fit even if all of some lists were gone:
// by its queue's quota, or by the GPUs that each machine then has.
func (s *Scheduler) mayFit(j *job, lists ...[]*job) bool {
	if asks := j.leastCost(); asks > 0 {
		room := j.queue.room()
		for _, list := range lists {
			for i := 0; i < len(list) && room < asks; i++ {
				if list[i].queue.sharesWith(j.queue) {
					room += list[i].cost()
				}
			}
		}
		if room < asks {
			return false
		}
	}
	left := j.gang()
	for i := range j.shape.runs {
		r := &j.shape.runs[i]
		want := min(left, r.count)
		left -= want
		if r.need.GPUs > 0 && !s.mayHold(r, want, lists) {
			return false
		}
	}
	return true
}

// mayHold reports whether machines have GPUs for some replicas of a run, if all of
// some lists were gone.
func (s *Scheduler) mayHold(r *run, want int, lists [][]*job) bool {
	each := int(r.need.GPUs)
	have := r.view.capacity(each, want)
	if have >= want {
		return true
	}
	if len(s.tally) < len(s.machines) {
		s.tally = make([]int, len(s.machines))
	}
	defer clear(s.tally)
	for _, list := range lists {
		for _, other := range list {
			for i := range other.slots {
				if have += s.adds(&other.slots[i], r.view, each); have >= want {
					return true
				}
			}
		}
	}
	return false
}

// adds is for how many more replicas of so many GPUs a machine of a view has room
// once a slot is free, after those that were counted before.
func (s *Scheduler) adds(at *slot, v *view, each int) int {
	e := at.m.entry(v)
	if e == nil || len(at.GPUs) == 0 {
		return 0
	}
	had := e.free + s.tally[at.m.number]
	s.tally[at.m.number] += len(at.GPUs)
	return (had+len(at.GPUs))/each - had/each
}

// imagine is fit, undone.
func (s *Scheduler) imagine(j *job) ([]slot, bool) {
	slots, short := s.fit(j)
	for i := range slots {
		slots[i].m.drop(j, &slots[i])
		j.queue.charge(-slots[i].cost, 0)
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
	j.queue.charge(-j.cost(), 0)
}

func (s *Scheduler) putBack(j *job) {
	for i := range j.slots {
		j.slots[i].m.hold(j, &j.slots[i])
	}
	j.queue.charge(j.cost(), 0)
}
