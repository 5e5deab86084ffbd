package scheduler

import "testing"

// fataler is a *testing.T or a *rapid.T.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

var _ fataler = (*testing.T)(nil)

// audit recomputes everything that a scheduler keeps count of.
func audit(t fataler, s *Scheduler) {
	t.Helper()
	for _, m := range s.machines {
		if m != nil {
			auditMachine(t, s, m)
		}
	}
	auditAccounts(t, s)
	for _, j := range s.jobs {
		states := 0
		for _, is := range []bool{j.placed(), j.class != nil && !j.class.grows, j.claim != nil} {
			if is {
				states++
			}
		}
		if states != 1 {
			t.Fatalf("job %s is in %d states", j.UID, states)
		}
	}
}

func auditMachine(t fataler, s *Scheduler, m *machine) {
	t.Helper()
	holders, promised := make([]*job, len(m.GPUs)), make([]*job, len(m.GPUs))
	var memory, load int64
	tenants := map[*job]int{}
	count := func(j *job, slots []slot, list []*job) {
		for i := range slots {
			if slots[i].m != m {
				continue
			}
			need := j.Groups[slots[i].Group].Need
			memory, load = memory+need.MemoryBytes, load+loadOf(&need)
			tenants[j]++
			for _, index := range slots[i].GPUs {
				at := m.position(index)
				if list[at] != nil {
					t.Fatalf("GPU %d of %s belongs to %s and %s", index, m.Name, list[at].UID, j.UID)
				}
				list[at] = j
			}
		}
	}
	for _, j := range s.jobs {
		count(j, j.slots, holders)
		if j.claim != nil {
			count(j, j.claim.slots, promised)
		}
	}
	for at := range m.GPUs {
		if holders[at] != m.holders[at] || promised[at] != m.promised[at] {
			t.Fatalf("the books on GPU %d of %s are wrong", m.GPUs[at].Index, m.Name)
		}
	}
	if memory != m.memory || load != m.load || len(tenants) != len(m.tenants) {
		t.Fatalf("%s: memory %d, load %d, %d jobs; the books say %d, %d, %d", m.Name, memory, load, len(tenants), m.memory, m.load, len(m.tenants))
	}
	for _, v := range s.views {
		e := m.entry(v)
		if (e != nil) != v.admits(m) {
			t.Fatalf("%s is in a view that does not admit it, or not in one that does", m.Name)
		}
		if e != nil {
			auditEntry(t, m, e)
		}
	}
}

func auditEntry(t fataler, m *machine, e *entry) {
	t.Helper()
	free := 0
	for at, gpu := range m.GPUs {
		if m.free(at) && suits(gpu, e.view.need.GPUModel) && e.suits[at] {
			free++
		}
	}
	if e.free != free || e.filed != free || !e.pool.buckets[free].has(m.number) {
		t.Fatalf("%s has %d free GPUs, and is filed with %d and counted with %d", m.Name, free, e.filed, e.free)
	}
}

func auditAccounts(t fataler, s *Scheduler) {
	t.Helper()
	used, promised, jobs := map[*account]int{}, map[*account]int{}, map[*account]int{}
	victims := map[*account]int{}
	for _, j := range s.jobs {
		jobs[j.queue]++
		used[j.queue] += j.cost()
		for i := range j.slots {
			if at := &j.slots[i]; at.cost != at.m.cost(at.GPUs) {
				t.Fatalf("%s holds GPUs %v of %s, which count %d, and the books say %d", j.UID, at.GPUs, at.Node, at.m.cost(at.GPUs), at.cost)
			}
		}
		if j.claim != nil {
			promised[j.queue] += j.claim.gpus
		}
		if j.placed() && j.Preemptible && !j.ending {
			victims[j.queue]++
		}
	}
	drawn := map[*cohort]int{}
	for _, a := range s.accounts {
		if a.used != used[a] || a.promised != promised[a] || a.jobs != jobs[a] {
			t.Fatalf("queue %s: the books say used %d, promised %d, %d jobs; want %d, %d, %d", a.Name, a.used, a.promised, a.jobs, used[a], promised[a], jobs[a])
		}
		n := 0
		for _, of := range a.victims {
			n += of
		}
		if n != victims[a] {
			t.Fatalf("queue %s has %d jobs that may be preempted, the books say %d", a.Name, victims[a], n)
		}
		if a.cohort != nil {
			drawn[a.cohort] += a.drawn()
		}
	}
	for c, n := range drawn {
		if c.drawn != n {
			t.Fatalf("a cohort's books say %d, want %d", c.drawn, n)
		}
	}
}
