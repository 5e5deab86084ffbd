package scheduler

import "time"

// Scheduler decides which jobs run where.
type Scheduler struct {
	policy Policy
}

// New returns a scheduler that knows of no node and no job.
func New(policy Policy) *Scheduler { return &Scheduler{policy: policy} }

// SetNode enters a node or what has changed of it. What jobs hold of it they keep.
func (s *Scheduler) SetNode(Node) {}

// RemoveNode takes a node out. Jobs that hold parts of it hold them until they are
// released: whether they still run, their owner knows.
func (s *Scheduler) RemoveNode(name string) {}

// SetQueue enters a queue or what has changed of it.
func (s *Scheduler) SetQueue(Queue) {}

// RemoveQueue forgets a queue. Its jobs stay.
func (s *Scheduler) RemoveQueue(name string) {}

// Submit enters a job that waits. One that is known already stays as it is.
func (s *Scheduler) Submit(Job) {}

// TryNow places a job at once, if it fits and nothing waits that must be looked at
// before it. Otherwise the job is not entered: Submit it.
func (s *Scheduler) TryNow(Job) ([]Slot, bool) { return nil, false }

// Restore enters a job with what it holds since before the owner was started anew,
// also where that is more than there is.
func (s *Scheduler) Restore(Job, []Slot) {}

// Release forgets a job that has ended, or that waits and is no longer wanted. It
// may be repeated.
func (s *Scheduler) Release(uid string) {}

// Requeue takes everything from a job that no longer runs and has it wait again, in
// the place that its age gives it.
func (s *Scheduler) Requeue(uid string) {}

// Decide returns what is to be done by now.
func (s *Scheduler) Decide(now time.Time) []Decision { return nil }

// Next is when Decide is to be called though nothing has happened; the zero time
// when that is never.
func (s *Scheduler) Next() time.Time { return time.Time{} }

// Why says what a job waits for, and nothing when it does not wait.
func (s *Scheduler) Why(uid string) string { return "" }

// Snapshot returns how everything stands.
func (s *Scheduler) Snapshot() Snapshot { return Snapshot{} }
