package scheduler

import (
	"cmp"
	"slices"
)

// link is a group of GPUs of one machine that are close to each other, and how
// many of them are free.
type link struct{ number, free int }

// choose picks free GPUs of a machine: of the group of close ones that they fill
// most tightly, and of as few groups as possible when none has enough.
func (f *fitting) choose(m *machine, e *entry, n int) []int32 {
	f.links = f.links[:0]
	for at := range m.GPUs {
		if !e.suits[at] || !m.free(at) {
			continue
		}
		number := m.GPUs[at].Link
		i := slices.IndexFunc(f.links, func(l link) bool { return l.number == number })
		if i < 0 {
			f.links = append(f.links, link{number: number})
			i = len(f.links) - 1
		}
		f.links[i].free++
	}
	slices.SortFunc(f.links, func(a, b link) int {
		if (a.free >= n) != (b.free >= n) { // those that have enough come first,
			return cmp.Compare(b.free, a.free)
		}
		if a.free >= n { // the tightest before others,
			return cmp.Or(cmp.Compare(a.free, b.free), cmp.Compare(a.number, b.number))
		}
		return cmp.Or(cmp.Compare(b.free, a.free), cmp.Compare(a.number, b.number)) // then the largest
	})
	chosen := make([]int32, 0, n)
	for _, l := range f.links {
		for at := range m.GPUs {
			if len(chosen) < n && m.GPUs[at].Link == l.number && e.suits[at] && m.free(at) {
				chosen = append(chosen, m.GPUs[at].Index)
			}
		}
	}
	slices.Sort(chosen)
	return chosen
}
