package scheduler

// Decision is a Place, a Preempt or a Wait.
type Decision interface{ decision() }

// Place starts replicas of a job.
type Place struct {
	UID   string
	Slots []Slot // in order of group and index
	Joins bool   // whether others of the job were placed before
}

// Preempt stops a job so that another gets its place.
type Preempt struct {
	UID     string
	For     string // uid of the job that it makes room for
	Because string // sentence for people
}

// Wait says why a job, or part of it, does not run. It comes when a job begins to wait, and again
// when the kind of reason changes; Why has the numbers as they are now.
type Wait struct {
	UID      string
	Sentence string
	// Hopeless says that the job asks for more than there is, even if nothing else ran.
	// It waits for other nodes or a larger quota; the owner may have it fail instead.
	Hopeless bool
	// Joins says that the job runs, and that some of its replicas do not yet.
	Joins bool
}

func (Place) decision()   {}
func (Preempt) decision() {}
func (Wait) decision()    {}
