package scheduler

import "fmt"

// scarce says which of the things that its nodes have is held by others, so that a
// job does not fit which would if nothing else ran.
func (s *Scheduler) scarce(j *job) (reason, string) {
	left := j.gang()
	for i := range j.shape.runs {
		r := &j.shape.runs[i]
		want := min(r.count, left)
		left -= want
		nodes := s.admitting(r.view)
		if g := int(r.need.GPUs); g > 0 && r.view.capacity(g, want) < want {
			return reason{kind: forGPUs}, s.gpuSentence(j, r, nodes)
		}
		if m := nodes[0]; !anyTurn(nodes, j) {
			if len(nodes) == 1 {
				return reason{kind: forTurn}, fmt.Sprintf("waits for its turn: node %s runs %d workloads at once", m.Name, m.Limit)
			}
			return reason{kind: forTurn}, fmt.Sprintf("waits for its turn: each of the %d nodes that it could run on runs as many workloads as it may", len(nodes))
		}
		if need := r.need.MemoryBytes; need > 0 && memoryFor(nodes, need, want) < want {
			return reason{kind: forMemory}, memorySentence(j, r, nodes)
		}
	}
	if len(s.present()) == 1 && j.memory() > 0 {
		return reason{kind: forMemory}, memorySentence(j, &j.shape.runs[0], s.present())
	}
	if homes := s.homes(j); len(homes) > 0 {
		return reason{kind: forRoom}, togetherSentence(j, homes)
	}
	return reason{kind: forRoom}, fmt.Sprintf("waits for room: GPUs, memory and turns are free for %s, but not together on one node for each",
		count(j.gang(), "replica"))
}

func anyTurn(nodes []*machine, j *job) bool {
	for _, m := range nodes {
		if m.turn(j) {
			return true
		}
	}
	return false
}

// memoryFor is for how many replicas some machines have free memory.
func memoryFor(nodes []*machine, each int64, upTo int) int {
	n := 0
	for _, m := range nodes {
		if n += int(max(0, m.MemoryBytes-m.memory) / each); n >= upTo {
			break
		}
	}
	return n
}

// memory is what all replicas of a job ask for that are placed together.
func (j *job) memory() int64 {
	var n int64
	left := j.gang()
	for i := range j.shape.runs {
		r := &j.shape.runs[i]
		want := min(r.count, left)
		n, left = n+int64(want)*r.need.MemoryBytes, left-want
	}
	return n
}

func memorySentence(j *job, r *run, nodes []*machine) string {
	free := func(m *machine) int64 { return m.MemoryBytes - m.memory }
	m := largest(nodes, free)
	if len(nodes) == 1 {
		return fmt.Sprintf("waits for memory: it asks for %s, and %s of the %s of node %s are free",
			size(j.memory()), size(free(m)), size(m.MemoryBytes), m.Name)
	}
	return fmt.Sprintf("waits for memory: %s asks for %d x %s, and the most free on one node is %s of %s (node %s)",
		j.Groups[r.group].Name, r.count, size(r.need.MemoryBytes), size(free(m)), size(m.MemoryBytes), m.Name)
}

func (s *Scheduler) gpuSentence(j *job, r *run, nodes []*machine) string {
	m, free := r.view.emptiest(s)
	if m == nil {
		m = nodes[0]
	}
	name := j.Groups[r.group].Name
	if len(nodes) == 1 {
		return fmt.Sprintf("waits for %s: %s asks for %d for each of %s, and %d of the %d of node %s are free",
			gpuKind(r.need.GPUModel), name, r.need.GPUs, count(r.count, "replica"), free, r.view.suitable(m), m.Name)
	}
	have := 0
	for _, m := range nodes {
		have += r.view.suitable(m)
	}
	sentence := fmt.Sprintf("waits for %s: %s asks for %d x %d, the most free on one node is %d of %d (node %s); %d of %d are free in all",
		gpuKind(r.need.GPUModel), name, r.count, r.need.GPUs, free, r.view.suitable(m), m.Name, r.view.free(), have)
	if kept := s.keptGPUs(); kept > 0 {
		sentence += fmt.Sprintf(", and %d more are kept for jobs that come first", kept)
	}
	return sentence
}

// emptiest is the machine of a view with the most free GPUs, and how many it has.
func (v *view) emptiest(s *Scheduler) (*machine, int) {
	var best *machine
	most := -1
	for _, p := range v.pools {
		for free := len(p.sizes) - 1; free > most; free-- {
			for number := range p.buckets[free].all() {
				best, most = s.machines[number], free
				break
			}
		}
	}
	return best, max(0, most)
}

// keptGPUs is how many GPUs are free but promised.
func (s *Scheduler) keptGPUs() int {
	n := 0
	for _, c := range s.claims {
		for i := range c.slots {
			for _, index := range c.slots[i].GPUs {
				if c.slots[i].m.holders[c.slots[i].m.position(index)] == nil {
					n++
				}
			}
		}
	}
	return n
}
