package scheduler

import (
	"maps"
	"slices"
	"time"
)

// Snapshot is how everything stands, for people.
type Snapshot struct {
	Queues []QueueState // by name: those that were set, and those that have jobs
	Nodes  []NodeState  // by name
}

// QueueState is how a queue stands.
type QueueState struct {
	Queue
	Known    bool    // whether it was set
	Used     float64 // GPUs that its jobs hold, parts as parts
	Borrowed float64 // of those, beyond its quota
	Promised float64 // GPUs that are kept for jobs of it
	Share    float64
	Fair     bool         // whether queues take turns by their share
	Waiting  []WaitingJob // first to run first
	Running  []RunningJob // oldest first
}

// WaitingJob is a job that waits.
type WaitingJob struct {
	UID, Namespace, Name string
	Priority             int32
	Submitted            time.Time
	Replicas, GPUs       int // that it asks for
	Position             int // in its queue, from 1
	Sentence             string
	Hopeless             bool // as in Wait
	Promised             bool // whether room is kept for it
}

// RunningJob is a job of which at least GangMin replicas are placed.
type RunningJob struct {
	UID, Namespace, Name string
	Priority             int32
	Submitted            time.Time
	Replicas, Of         int // that are placed, of all
	GPUs                 int // that it holds
	Nodes                []string
	Ending               bool // whether it was preempted
}

// NodeState is how a node stands.
type NodeState struct {
	Name                  string
	Gone                  bool // whether it was removed while jobs held parts of it
	Jobs                  int
	CPUMilli, MemoryBytes int64 // that jobs hold or are kept for them
	GPUs, HeldGPUs        int
	PromisedGPUs          int // that are kept for jobs and not held by them
}

// Snapshot returns how everything stands.
func (s *Scheduler) Snapshot() Snapshot {
	var snapshot Snapshot
	waiting, running := map[*account][]*job{}, map[*account][]*job{}
	for _, j := range s.jobs {
		if j.placed() {
			running[j.queue] = append(running[j.queue], j)
		} else {
			waiting[j.queue] = append(waiting[j.queue], j)
		}
	}
	for _, a := range s.accounts {
		state := QueueState{
			Queue: a.Queue, Known: a.known, Used: float64(a.used) / Whole, Borrowed: float64(a.borrowed()) / Whole, Promised: float64(a.promised) / Whole, Share: s.share(a),
			Fair: s.policy.FairShare,
		}
		slices.SortFunc(waiting[a], before)
		for i, j := range waiting[a] {
			state.Waiting = append(state.Waiting, s.waitingJob(j, i+1))
		}
		slices.SortFunc(running[a], func(a, b *job) int { return int(a.turn - b.turn) })
		for _, j := range running[a] {
			state.Running = append(state.Running, runningJob(j))
		}
		snapshot.Queues = append(snapshot.Queues, state)
	}
	for _, name := range slices.Sorted(maps.Keys(s.byName)) {
		snapshot.Nodes = append(snapshot.Nodes, s.byName[name].state())
	}
	return snapshot
}

func (s *Scheduler) waitingJob(j *job, position int) WaitingJob {
	return WaitingJob{
		UID: j.UID, Namespace: j.Namespace, Name: j.Name, Priority: j.Priority, Submitted: j.Submitted,
		Replicas: j.shape.replicas, GPUs: j.shape.gpus, Position: position, Sentence: s.Why(j.UID),
		Hopeless: j.class != nil && j.class.found.hopeless, Promised: j.claim != nil,
	}
}

func runningJob(j *job) RunningJob {
	r := RunningJob{
		UID: j.UID, Namespace: j.Namespace, Name: j.Name, Priority: j.Priority, Submitted: j.Submitted,
		Replicas: len(j.slots), Of: j.shape.replicas, GPUs: j.gpus(), Ending: j.ending,
	}
	for i := range j.slots {
		r.Nodes = append(r.Nodes, j.slots[i].Node)
	}
	slices.Sort(r.Nodes)
	r.Nodes = slices.Compact(r.Nodes)
	return r
}

func (m *machine) state() NodeState {
	state := NodeState{
		Name: m.Name, Gone: !m.present, Jobs: len(m.tenants), CPUMilli: m.load, MemoryBytes: m.memory, GPUs: len(m.GPUs),
	}
	for at := range m.GPUs {
		switch {
		case m.holders[at] != nil:
			state.HeldGPUs++
		case m.promised[at] != nil:
			state.PromisedGPUs++
		}
	}
	return state
}
