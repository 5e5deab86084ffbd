package scheduler

import "time"

// Job is a gang of replicas that run as one.
type Job struct {
	UID       string
	Namespace string
	Name      string
	Queue     string // empty means DefaultQueue
	Priority  int32  // 0 means that of the queue
	Submitted time.Time
	Groups    []Group
	GangMin   int    // replicas that are placed together before any starts; 0 means all
	Prefer    string // node it is placed on when another is no better: where it was submitted

	// Together says that all replicas are to be on one node, if one is large enough for all: the
	// job waits for it then, and is otherwise placed as any.
	Together bool

	// Preemptible says whether it may be stopped for others and run again later.
	Preemptible bool
}

// Group is a number of replicas that ask for the same.
type Group struct {
	Name  string
	Count int // 0 means 1
	Need  Need
}

// Need is what one replica asks of its node.
type Need struct {
	CPUMilli    int64
	MemoryBytes int64
	GPUs        int32
	GPUModel    string // such as "nvidia-h100"; empty means any
	Selector    map[string]string
	Tolerations []Toleration
}

// Slot is where one replica is placed.
type Slot struct {
	Group int // index into Job.Groups
	Index int // of the replica in its group
	Node  string
	GPUs  []int32 // indexes on the node
}

func (g *Group) count() int { return max(1, g.Count) }
