package scheduler

import (
	"cmp"
	"math"
	"slices"
)

// slot is where a replica is placed, and the machine of that name.
type slot struct {
	Slot
	m    *machine
	cost int // what its GPUs count in quotas
}

// shortage is what a job did not get.
type shortage int

const (
	enough  shortage = iota
	ofQuota          // its queue may not use as many GPUs
	ofGPUs           // fewer GPUs are free than it needs, going by their number
	ofSpace          // anything else: memory, turns, how the GPUs are spread
)

// fit takes room for the replicas of a job that are not placed: for all of them,
// or for the first ones if at least GangMin are placed then; on one machine, if they are to
// be together and one is large enough. Otherwise it takes
// nothing and says what there was too little of.
func (s *Scheduler) fit(j *job) ([]slot, shortage) {
	runs, missing, least := j.missing()
	budget := j.queue.room()
	f := &fitting{s: s, j: j}
	short, homes := shortOfGPUs(runs), s.homes(j)
	if asks := costOfRuns(runs); asks > budget && asks > 0 {
		short = ofQuota
	}
	if short == enough && len(homes) > 0 {
		short = f.together(runs, homes)
	} else if short == enough {
		short = f.whole(runs, missing)
	}
	if short == enough {
		return f.slots, enough
	}
	if len(homes) == 0 && least < missing && f.first(runs, budget) >= least {
		return f.slots, enough
	}
	f.undo(0)
	return nil, short
}

// missing is what of a job is not placed, how many replicas that are, and how
// many of them there must be at least: of one that runs already each may join alone.
func (j *job) missing() (runs []run, replicas, least int) {
	if len(j.slots) == 0 {
		return j.shape.runs, j.shape.replicas, j.gang()
	}
	placed := make(map[[2]int]bool, len(j.slots))
	for i := range j.slots {
		placed[[2]int{j.slots[i].Group, j.slots[i].Index}] = true
	}
	for _, r := range j.shape.runs {
		for i := range r.count {
			if placed[[2]int{r.group, i}] {
				continue
			}
			if last := len(runs) - 1; last >= 0 && runs[last].group == r.group && runs[last].first+runs[last].count == i {
				runs[last].count++
			} else {
				runs = append(runs, run{group: r.group, first: i, count: 1, need: r.need, view: r.view})
			}
			replicas++
		}
	}
	return runs, replicas, 1
}

// costOfRuns is what runs count in quotas, at most.
func costOfRuns(runs []run) int {
	n := 0
	for i := range runs {
		n += runs[i].count * runs[i].cost()
	}
	return n
}

// cost is what a replica of a run counts in quotas, at most.
func (r *run) cost() int {
	if r.need.GPUs == 0 {
		return 0
	}
	return int(r.need.GPUs) * r.view.heaviest()
}

// shortOfGPUs tells quickly that replicas do not fit.
func shortOfGPUs(runs []run) shortage {
	for i := range runs {
		r := &runs[i]
		if r.need.GPUs > 0 && r.view.capacity(int(r.need.GPUs), r.count) < r.count {
			return ofGPUs
		}
	}
	return enough
}

// fitting is an attempt to find room for a job. What it has found is held.
type fitting struct {
	s     *Scheduler
	j     *job
	slots []slot
	links []link // scratch
}

// undo gives back all slots but the first n.
func (f *fitting) undo(n int) {
	for i := len(f.slots) - 1; i >= n; i-- {
		f.slots[i].m.drop(f.j, &f.slots[i])
		f.j.queue.charge(-f.slots[i].cost, 0)
	}
	f.slots = f.slots[:n]
}

// whole finds room for all of the runs or for none; those that ask for the most
// are served first, and the others fit around them.
func (f *fitting) whole(runs []run, replicas int) shortage {
	f.slots = make([]slot, 0, replicas)
	if len(runs) > 1 {
		runs = slices.Clone(runs)
		slices.SortStableFunc(runs, func(a, b run) int {
			return cmp.Or(cmp.Compare(b.need.GPUs, a.need.GPUs), cmp.Compare(b.need.MemoryBytes, a.need.MemoryBytes))
		})
	}
	for i := range runs {
		if f.pack(&runs[i]) < runs[i].count {
			f.undo(0)
			return ofSpace
		}
	}
	if len(runs) > 1 {
		slices.SortFunc(f.slots, func(a, b slot) int { return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Index, b.Index)) })
	}
	return enough
}

// first finds room for as many of the first replicas as it can, within a budget
// of what their GPUs count.
func (f *fitting) first(runs []run, budget int) int {
	for _, r := range runs {
		want := r.count
		if r.need.GPUs > 0 {
			each := r.cost()
			r.count = min(want, budget/each)
			budget -= r.count * each
		}
		if f.pack(&r) < want {
			break
		}
	}
	return len(f.slots)
}

// pack finds room for as many replicas of a run as it can.
func (f *fitting) pack(r *run) int {
	before := len(f.slots)
	if r.need.GPUs == 0 {
		f.spread(r)
		return len(f.slots) - before
	}
	if p := r.alike(); p != nil {
		if f.fill(r, []*pool{p}); len(f.slots)-before == r.count {
			return r.count
		}
		f.undo(before)
	}
	f.fill(r, r.view.pools)
	return len(f.slots) - before
}

// alike is the pool in which replicas that need several machines have machines
// that are alike, the fewest, and leave the least idle; nil when no pool has room
// for all, or one machine has.
func (r *run) alike() *pool {
	var best *pool
	fewest, least := math.MaxInt, 0
	for _, p := range r.view.pools {
		machines, left, ok := p.spans(int(r.need.GPUs), r.count)
		if ok && (machines < fewest || machines == fewest && left < least) {
			best, fewest, least = p, machines, left
		}
	}
	if fewest <= 1 {
		return nil
	}
	return best
}

// fill finds room in some pools: on the fewest machines, and on the last of them
// where it fits most tightly.
func (f *fitting) fill(r *run, pools []*pool) {
	for done := 0; done < r.count; {
		m, n := f.snug(r, pools, r.count-done), r.count-done
		if m == nil {
			m, n = f.roomiest(r, pools)
		}
		if m == nil {
			return
		}
		n = min(n, r.count-done)
		f.take(r, m, done, n)
		done += n
	}
}

// snug is the machine with the fewest free GPUs that has room for n replicas.
func (f *fitting) snug(r *run, pools []*pool, n int) *machine {
	most := 0
	for _, p := range pools {
		most = max(most, len(p.buckets)-1)
	}
	for free := n * int(r.need.GPUs); free <= most; free++ {
		if m := f.preferred(r, pools, free); m != nil && f.capacity(r, m, free) >= n {
			return m
		}
		for _, p := range pools {
			if free >= len(p.sizes) || p.sizes[free] == 0 {
				continue
			}
			for number := range p.buckets[free].all() {
				if m := f.s.machines[number]; f.capacity(r, m, free) >= n {
					return m
				}
			}
		}
	}
	return nil
}

// preferred is the machine that the job is to be placed on when another is no
// better, if it is in one of the pools with so many free GPUs.
func (f *fitting) preferred(r *run, pools []*pool, free int) *machine {
	m := f.s.byName[f.j.Prefer]
	if m == nil {
		return nil
	}
	if e := m.entry(r.view); e != nil && e.free == free && slices.Contains(pools, e.pool) {
		return m
	}
	return nil
}

// roomiest is a machine with the most free GPUs among those with room for a
// replica, and for how many it has.
func (f *fitting) roomiest(r *run, pools []*pool) (*machine, int) {
	most := 0
	for _, p := range pools {
		most = max(most, len(p.buckets)-1)
	}
	for free := most; free >= int(r.need.GPUs); free-- {
		for _, p := range pools {
			if free >= len(p.sizes) || p.sizes[free] == 0 {
				continue
			}
			for number := range p.buckets[free].all() {
				m := f.s.machines[number]
				if n := f.capacity(r, m, free); n > 0 {
					return m, n
				}
			}
		}
	}
	return nil, 0
}

// capacity is for how many replicas of a run a machine has room, if it has so many
// free GPUs that suit.
func (f *fitting) capacity(r *run, m *machine, free int) int {
	need := r.need
	if need.CPUMilli > m.CPUMilli || !m.turn(f.j) {
		return 0
	}
	n := math.MaxInt
	if need.GPUs > 0 {
		n = free / int(need.GPUs)
	}
	if need.MemoryBytes > 0 {
		n = min(n, int(max(0, m.MemoryBytes-m.memory)/need.MemoryBytes))
	}
	return n
}

// take holds n replicas of a run on a machine, from the done-th on.
func (f *fitting) take(r *run, m *machine, done, n int) {
	e := m.entry(r.view)
	for i := range n {
		at := slot{Slot: Slot{Group: r.group, Index: r.first + done + i, Node: m.Name}, m: m}
		if r.need.GPUs > 0 {
			at.GPUs = f.choose(m, e, int(r.need.GPUs))
		}
		m.hold(f.j, &at)
		at.cost = m.cost(at.GPUs)
		f.j.queue.charge(at.cost, 0)
		f.slots = append(f.slots, at)
	}
}
