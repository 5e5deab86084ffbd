package scheduler

import "time"

// Snapshot is how everything stands, for people.
type Snapshot struct {
	Queues []QueueState // by name: those that were set, and those that have jobs
	Nodes  []NodeState  // by name
}

// QueueState is how a queue stands.
type QueueState struct {
	Queue
	Known    bool // whether it was set
	Used     int  // GPUs that its jobs hold
	Borrowed int  // of those, beyond its quota
	Promised int  // GPUs that are kept for jobs of it
	Share    float64
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
