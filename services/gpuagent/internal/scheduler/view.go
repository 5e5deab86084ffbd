package scheduler

import (
	"cmp"
	"slices"
)

// view is the machines that some needs admit, whatever they hold: by labels,
// taints and models of GPUs.
type view struct {
	need  Need // of which the selector, the tolerations, the model and whether it is for several GPUs count
	pools []*pool
	parts map[int]int // how many machines have GPUs that suit and count so much, by the largest of each

	open   []*machine // as Scheduler.admitting returns them
	layout int64      // for which
}

// pool is the machines of a view that are alike, in buckets by how many GPUs that
// suit the view each has free.
type pool struct {
	hardware string
	buckets  []numbers // of machines, by free GPUs
	sizes    []int     // of the buckets
}

// entry is a machine in a view.
type entry struct {
	view  *view
	pool  *pool
	suits []bool // by position of the GPU
	most  int    // what one of those counts in quotas, at most; 0 without any
	free  int    // of those that suit
	filed int    // bucket it is in
}

// admits reports whether a machine is one of the view's.
func (v *view) admits(m *machine) bool {
	return v.opens(m) && v.hasModel(m)
}

// opens is admits, whatever GPUs a machine has.
func (v *view) opens(m *machine) bool {
	return m.present && !m.Cordoned && v.misses(m) == "" && v.repelled(m) == nil
}

func (v *view) hasModel(m *machine) bool {
	return v.need.GPUModel == "" || slices.ContainsFunc(m.GPUs, func(gpu GPU) bool { return suits(gpu, v.need.GPUModel) })
}

// misses is a label by which the view selects and which a machine does not have
// so, or nothing: the first in order of their names.
func (v *view) misses(m *machine) string {
	missed := ""
	for key, want := range v.need.Selector {
		if has, ok := m.Labels[key]; (!ok || has != want) && (missed == "" || key < missed) {
			missed = key
		}
	}
	return missed
}

// repelled is a taint of a machine that the view does not tolerate, or nil.
func (v *view) repelled(m *machine) *Taint {
	for i, taint := range m.Taints {
		if !slices.ContainsFunc(v.need.Tolerations, func(t Toleration) bool { return t.tolerates(taint) }) {
			return &m.Taints[i]
		}
	}
	return nil
}

// enter adds a machine to a view that admits it.
func (v *view) enter(m *machine) {
	if !v.admits(m) {
		return
	}
	e := &entry{view: v, pool: v.pool(m.hardware), suits: suiting(m.GPUs, &v.need)}
	for at, gpu := range m.GPUs {
		if !e.suits[at] {
			continue
		}
		e.most = max(e.most, gpu.part())
		if m.free(at) {
			e.free++
		}
	}
	v.parts[e.most]++
	e.filed = e.free
	e.pool.add(m.number, e.filed)
	m.entries = append(m.entries, e)
}

// pool finds the pool of some hardware, or makes it. They are in order of its name.
func (v *view) pool(hardware string) *pool {
	i, found := slices.BinarySearchFunc(v.pools, hardware, func(p *pool, h string) int { return cmp.Compare(p.hardware, h) })
	if !found {
		v.pools = slices.Insert(v.pools, i, &pool{hardware: hardware})
	}
	return v.pools[i]
}

// leaveViews takes a machine out of all views.
func (m *machine) leaveViews() {
	for _, e := range m.entries {
		e.pool.remove(m.number, e.filed)
		if e.view.parts[e.most]--; e.view.parts[e.most] == 0 {
			delete(e.view.parts, e.most)
		}
	}
	m.entries = nil
}

// entry is that of a machine in a view, or nil when the view does not admit it.
func (m *machine) entry(v *view) *entry {
	for _, e := range m.entries {
		if e.view == v {
			return e
		}
	}
	return nil
}

// file puts a machine into the bucket where it belongs by now.
func (e *entry) file(number int) {
	if e.filed != e.free {
		e.pool.remove(number, e.filed)
		e.pool.add(number, e.free)
		e.filed = e.free
	}
}

func (p *pool) add(number, free int) {
	for free >= len(p.buckets) {
		p.buckets, p.sizes = append(p.buckets, nil), append(p.sizes, 0)
	}
	p.buckets[free].add(number)
	p.sizes[free]++
}

func (p *pool) remove(number, free int) {
	p.buckets[free].remove(number)
	p.sizes[free]--
}

// capacity is how many replicas of so many GPUs the pool has GPUs for, counted up
// to some number.
func (p *pool) capacity(gpus, upTo int) int {
	n := 0
	for free := len(p.sizes) - 1; free >= gpus && n < upTo; free-- {
		n += p.sizes[free] * (free / gpus)
	}
	return n
}

// capacity is that of all pools of a view.
func (v *view) capacity(gpus, upTo int) int {
	n := 0
	for _, p := range v.pools {
		n += p.capacity(gpus, upTo)
	}
	return n
}

// spans is on how many machines of the pool so many replicas fit at best, going by
// their GPUs, and how many GPUs the pool then has left; ok is false when they do not.
func (p *pool) spans(gpus, replicas int) (machines, left int, ok bool) {
	for free := len(p.sizes) - 1; free >= 0; free-- {
		left += free * p.sizes[free]
		if each := free / gpus; each > 0 && replicas > 0 {
			n := min(p.sizes[free], (replicas+each-1)/each)
			machines, replicas, left = machines+n, replicas-n*each, left-n*free
		}
	}
	return machines, left, replicas <= 0
}

// free is how many GPUs are free on all machines of a view together.
func (v *view) free() int {
	n := 0
	for _, p := range v.pools {
		for free, size := range p.sizes {
			n += free * size
		}
	}
	return n
}
