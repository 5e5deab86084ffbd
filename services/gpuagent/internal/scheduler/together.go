package scheduler

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// homes is the machines that are large enough for all replicas of a job which is to be on
// one, whatever they hold now; none when the job is not, or no machine is.
func (s *Scheduler) homes(j *job) []*machine {
	sh := j.shape
	if !j.Together || len(j.slots) > 0 || sh.replicas < 2 {
		return nil
	}
	if sh.homesAt != s.layout {
		sh.homesAt, sh.homes = s.layout, nil
		for _, m := range s.present() {
			if sh.wouldFit(m) {
				sh.homes = append(sh.homes, m)
			}
		}
	}
	return sh.homes
}

// wouldFit reports whether a machine has what all replicas ask for together.
func (sh *shape) wouldFit(m *machine) bool {
	var memory int64
	asks, suits := map[*view]int{}, map[int]bool{}
	for i := range sh.runs {
		r := &sh.runs[i]
		e := m.entry(r.view)
		if e == nil || r.need.CPUMilli > m.CPUMilli {
			return false
		}
		memory += int64(r.count) * r.need.MemoryBytes
		if r.need.GPUs == 0 {
			continue
		}
		asks[r.view] += r.count * int(r.need.GPUs)
		healthy := 0
		for at := range m.GPUs {
			if e.suits[at] && !m.GPUs[at].Unhealthy {
				suits[at] = true
				healthy++
			}
		}
		if asks[r.view] > healthy {
			return false
		}
	}
	return memory <= m.MemoryBytes && sh.gpus <= len(suits)
}

// together finds room for all of the runs on one of some machines, or for none.
func (f *fitting) together(runs []run, homes []*machine) shortage {
	for _, m := range f.inOrder(homes) {
		if f.all(runs, m) {
			return enough
		}
		f.undo(0)
	}
	return ofSpace
}

// all takes room for all of the runs on a machine that all their views admit, and reports
// whether it has that.
func (f *fitting) all(runs []run, m *machine) bool {
	for i := range runs {
		r := &runs[i]
		if f.capacity(r, m, m.entry(r.view).free) < r.count {
			return false
		}
		f.take(r, m, 0, r.count)
	}
	return true
}

// inOrder is machines in the order in which they are tried: those first that have the fewest
// free GPUs, if any are asked for; then the one that is preferred, if it has cores left for all,
// and those that are burdened least.
func (f *fitting) inOrder(homes []*machine) []*machine {
	var load int64
	for i := range f.j.shape.runs {
		r := &f.j.shape.runs[i]
		load += int64(r.count) * loadOf(r.need)
	}
	free := func(m *machine) int {
		n := 0
		for i := range f.j.shape.runs {
			if r := &f.j.shape.runs[i]; r.need.GPUs > 0 {
				n += m.entry(r.view).free
			}
		}
		return n
	}
	other := func(m *machine) int {
		if m.Name == f.j.Prefer && m.load+load <= m.CPUMilli {
			return 0
		}
		return 1
	}
	return slices.SortedFunc(slices.Values(homes), func(a, b *machine) int {
		lighter := 1
		if burdenOf(a, load).lighter(burdenOf(b, load)) {
			lighter = -1
		}
		return cmp.Or(cmp.Compare(free(a), free(b)), cmp.Compare(other(a), other(b)), lighter)
	})
}

// togetherSentence says what a job waits for that is to be on one of some machines.
func togetherSentence(j *job, homes []*machine) string {
	const named = 3
	asks := count(j.shape.replicas, "replica")
	if n := j.shape.gpus; n > 0 {
		asks += ", " + count(n, "GPU")
	}
	if n := j.memory(); n > 0 {
		asks += ", " + size(n) + " of memory"
	}
	names := make([]string, 0, named)
	for _, m := range homes[:min(len(homes), named)] {
		names = append(names, m.Name)
	}
	if more := len(homes) - named; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("waits for room for all of it on one node (%s): each of those that are large enough, %s, has something else there", asks, strings.Join(names, ", "))
}
