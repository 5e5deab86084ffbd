package scheduler

import (
	"fmt"
	"slices"
)

// machine is a node and who has what of it.
//
// What a machine has is held by jobs that are placed, and promised to jobs that
// wait for others to end there. While those have not ended, GPUs are both held and
// promised, and more memory may be spoken for than there is.
type machine struct {
	Node
	number   int    // small, unique among machines
	present  bool   // false once the node was removed while jobs hold parts of it
	real     int    // GPUs that the node has; those behind are gone, and not given back
	hardware string // equal for machines that are alike to a gang

	holders  []*job // by position of the GPU; nil when nobody has it
	promised []*job // by position of the GPU
	memory   int64  // held and promised
	load     int64  // CPU held and promised, as loadOf counts it
	tenants  map[*job]int

	entries []*entry // in the views that admit it
}

// leastLoad is what a replica counts in the load of a machine that asks for next
// to no CPU, so that many of them are spread too.
const leastLoad = 100

func loadOf(need *Need) int64 { return max(leastLoad, need.CPUMilli) }

// describe gives a machine what a node has. GPUs that are no longer there and not
// free stay, unhealthy, until they are given back.
func (m *machine) describe(n Node) {
	old, holders, promised := m.GPUs, m.holders, m.promised
	m.Node, m.present = n, true
	m.GPUs, m.real = slices.Clone(n.GPUs), len(n.GPUs)
	m.holders, m.promised = make([]*job, len(m.GPUs)), make([]*job, len(m.GPUs))
	for i, gpu := range old {
		if holders[i] == nil && promised[i] == nil {
			continue
		}
		at := m.position(gpu.Index)
		m.holders[at], m.promised[at] = holders[i], promised[i]
		if at >= m.real {
			m.GPUs[at].Part = gpu.Part
		}
	}
	m.hardware = ""
	if len(n.GPUs) > 0 {
		m.hardware = fmt.Sprintf("%d x %s, %d", len(n.GPUs), n.GPUs[0].Model, n.GPUs[0].MemoryBytes)
	}
}

// position is where a GPU is in the list. One that is not is added, unhealthy.
func (m *machine) position(index int32) int {
	if i := int(index); i < len(m.GPUs) && i >= 0 && m.GPUs[i].Index == index {
		return i
	}
	if i := slices.IndexFunc(m.GPUs, func(gpu GPU) bool { return gpu.Index == index }); i >= 0 {
		return i
	}
	m.GPUs = append(m.GPUs, GPU{Index: index, Unhealthy: true})
	m.holders, m.promised = append(m.holders, nil), append(m.promised, nil)
	for _, e := range m.entries {
		e.suits = append(e.suits, false)
	}
	return len(m.GPUs) - 1
}

// free reports whether the GPU at a position is to be had.
func (m *machine) free(at int) bool {
	return m.holders[at] == nil && m.promised[at] == nil && !m.GPUs[at].Unhealthy
}

// hold gives a slot to a job, and drop takes it back.
func (m *machine) hold(j *job, s *slot) { m.enter(j, s, &m.holders, nil, j) }
func (m *machine) drop(j *job, s *slot) { m.enter(j, s, &m.holders, j, nil) }

// promise keeps a slot for a job, and retract no longer does.
func (m *machine) promise(j *job, s *slot) { m.enter(j, s, &m.promised, nil, j) }
func (m *machine) retract(j *job, s *slot) { m.enter(j, s, &m.promised, j, nil) }

// enter changes who has a slot, in one of the two lists.
func (m *machine) enter(j *job, s *slot, list *[]*job, from, to *job) {
	need := &j.Groups[s.Group].Need
	if to != nil {
		m.memory, m.load = m.memory+need.MemoryBytes, m.load+loadOf(need)
		m.tenants[j]++
	} else {
		m.memory, m.load = m.memory-need.MemoryBytes, m.load-loadOf(need)
		if m.tenants[j]--; m.tenants[j] == 0 {
			delete(m.tenants, j)
		}
	}
	if len(s.GPUs) == 0 {
		return
	}
	for _, index := range s.GPUs {
		at := m.position(index)
		if (*list)[at] != from {
			continue // it was restored to two jobs, and the first has it
		}
		was := m.free(at)
		(*list)[at] = to
		if is := m.free(at); is != was {
			m.recount(at, is)
		}
	}
	for _, e := range m.entries {
		e.file(m.number)
	}
}

// trim forgets GPUs that are gone, once all of them were given back, and reports
// whether it did.
func (m *machine) trim() bool {
	for at := m.real; at < len(m.GPUs); at++ {
		if m.holders[at] != nil || m.promised[at] != nil {
			return false
		}
	}
	gone := len(m.GPUs) > m.real
	m.GPUs, m.holders, m.promised = m.GPUs[:m.real], m.holders[:m.real], m.promised[:m.real]
	for _, e := range m.entries {
		e.suits = e.suits[:m.real]
	}
	return gone
}

// recount has the views of a machine know that a GPU became free, or no longer is.
func (m *machine) recount(at int, free bool) {
	for _, e := range m.entries {
		switch {
		case !e.suits[at]:
		case free:
			e.free++
		default:
			e.free--
		}
	}
}

// turn reports whether the machine runs one more job, if it is not there already.
func (m *machine) turn(j *job) bool {
	return m.Limit <= 0 || len(m.tenants) < m.Limit || m.tenants[j] > 0
}

// idle reports whether nobody has anything of a machine.
func (m *machine) idle() bool { return len(m.tenants) == 0 }
