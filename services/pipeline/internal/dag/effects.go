package dag

import (
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Effects are what an event asks of the caller, to be carried out in any order.
type Effects struct {
	// Launch are attempts to start, or to adopt when they run already.
	Launch []Launch
	// Stop are attempts to end, launched before or not. Each is answered by Finished.
	Stop []Launch
	// Changed are the ids of tasks whose record differs from before. An id may
	// occur more than once; records must become durable in the order of the last
	// occurrence, so that no composite is saved as ended before its tasks are.
	Changed []string
	// Done is set once, when the run has ended.
	Done *Outcome
}

// Attempt names one try at a leaf task. Tries count from 1.
type Attempt struct {
	TaskID string
	Number int
}

// Launch is an attempt to start.
type Launch struct {
	Attempt
	Name      string // of the task in its DAG
	Path      string
	Task      *ir.Task
	Component *ir.Component
	Executor  *ir.Executor
	// Inputs are resolved but for the placeholders in parameters and the
	// component's own defaults.
	Inputs ir.Values
	// Pod is what the platform spec says of the task's pod, bound to the
	// parameters it refers to; nil when it says nothing.
	Pod *ir.Pod
	// NotBefore is when a retry may start; zero means now.
	NotBefore time.Time
}

// Outcome is how a run ended.
type Outcome struct {
	State   pipelinev1.RuntimeState // SUCCEEDED, FAILED or CANCELED
	Message string                  // why it failed; empty otherwise
}

// Verdict is how an attempt ended.
type Verdict int

// The verdicts.
const (
	Succeeded Verdict = iota + 1
	Failed            // may be tried again
	Rejected          // failed in a way that another try would not mend
	Stopped           // ended because the caller was asked to stop it
)

// Result is the end of an attempt.
type Result struct {
	Verdict    Verdict
	Outputs    ir.Values // of a success
	Started    time.Time // zero means when it was launched
	Ended      time.Time // zero means now
	ExitCode   int32
	Message    string // why it failed
	LogTail    string
	Workload   string
	CachedFrom Reused   // whose outputs these are, when it did not run
	Warnings   []string // things asked for that could not be honoured
}

// Reused is a task that another was answered with, and its run; empty is none.
type Reused struct{ Run, Task string }

// Progress is news of an attempt that has not ended.
type Progress struct {
	Running  bool      // whether it started; false means that it waits
	Started  time.Time // when, if it runs
	Message  string    // why it waits
	Workload string
	Warnings []string // things asked for that cannot be honoured
}
