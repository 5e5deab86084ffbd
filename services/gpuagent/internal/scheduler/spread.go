package scheduler

// spread finds room for replicas that ask for no GPU, as many as it can. They go
// where the job was submitted as long as cores are left there, then to machines
// without GPUs, then to the others; once all cores are promised, to the machine
// that is promised the least often.
func (f *fitting) spread(r *run) {
	for done := 0; done < r.count; {
		m := f.lightest(r)
		if m == nil {
			return
		}
		n := min(r.count-done, f.capacity(r, m, 0), coresLeft(r, m))
		f.take(r, m, done, n)
		done += n
	}
}

// coresLeft is for how many replicas a machine has cores that are not promised,
// and at least 1.
func coresLeft(r *run, m *machine) int {
	return max(1, int((m.CPUMilli-m.load)/loadOf(r.need)))
}

func (f *fitting) lightest(r *run) *machine {
	load := loadOf(r.need)
	if m := f.s.byName[f.j.Prefer]; m != nil && m.load+load <= m.CPUMilli && m.entry(r.view) != nil && f.capacity(r, m, 0) > 0 {
		return m
	}
	var best *machine
	var bestBurden burden
	for _, p := range r.view.pools {
		for free, size := range p.sizes {
			if size == 0 {
				continue
			}
			for number := range p.buckets[free].all() {
				m := f.s.machines[number]
				b := burdenOf(m, load)
				if (best == nil || b.lighter(bestBurden)) && f.capacity(r, m, 0) > 0 {
					best, bestBurden = m, b
				}
			}
		}
	}
	return best
}

// burden is what speaks against a machine for a replica without GPUs.
type burden struct {
	promisedTwice bool  // whether cores would be
	gpus          bool  // which others may want
	load          int64 // in thousandths of the machine's cores
	number        int
}

func burdenOf(m *machine, more int64) burden {
	return burden{
		promisedTwice: m.load+more > m.CPUMilli,
		gpus:          len(m.GPUs) > 0,
		load:          (m.load + more) * 1000 / max(1, m.CPUMilli),
		number:        m.number,
	}
}

func (b burden) lighter(than burden) bool {
	switch {
	case b.promisedTwice != than.promisedTwice:
		return than.promisedTwice
	case b.gpus != than.gpus:
		return than.gpus
	case b.load != than.load:
		return b.load < than.load
	default:
		return b.number < than.number
	}
}
