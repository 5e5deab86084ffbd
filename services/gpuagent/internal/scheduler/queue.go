package scheduler

// DefaultQueue is the queue of jobs that name none.
const DefaultQueue = "default"

// Unlimited is a quota or limit that does not limit.
const Unlimited = -1

// Queue says how many GPUs its jobs may hold together. Jobs that ask for no GPU are
// held back by no quota.
//
// Queues of one cohort lend each other what they do not use. A queue that nobody
// has set is Unlimited, unless Policy.KnownQueuesOnly holds.
type Queue struct {
	Name            string
	Cohort          string  // empty means none: it neither lends nor borrows
	Quota           int     // GPUs that are its own, or Unlimited
	BorrowingLimit  int     // GPUs beyond its quota, or Unlimited: all that the cohort lends
	LendingLimit    int     // GPUs of its quota that others may use, or Unlimited: all
	Weight          float64 // in the fair share; 0 means 1
	DefaultPriority int32   // of jobs that give none

	// Preempt says for which jobs of its own a queue stops others of its own. Queues
	// without a quota count as one in this.
	Preempt Reach
	// Reclaim says which borrowers of its cohort a queue stops when it needs its quota itself.
	Reclaim Reach
}

// Reach says who may be preempted.
type Reach int

// Who may be preempted. Only jobs that are Preemptible are, in any case.
const (
	Nobody Reach = iota
	LowerPriority
	AnyPriority // for Queue.Reclaim; as Queue.Preempt it means LowerPriority
)

// ordinary is a queue that nobody has set.
func ordinary(name string) Queue {
	return Queue{Name: name, Quota: Unlimited, BorrowingLimit: Unlimited, LendingLimit: Unlimited, Preempt: LowerPriority}
}
