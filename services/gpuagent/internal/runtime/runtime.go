// Package runtime is the boundary between the life of a workload, which is the
// engine's, and what its replicas run as, which is a runtime's: a process of the
// host (package process) or a container.
//
// A replica is run in attempts, numbered from 1. A runtime keeps
// these promises, which the engine's own stand on:
//
//   - An attempt is begun at most once, whatever is killed when. What was begun
//     is on the node's disk, in the replica's directory, before it is begun.
//   - An attempt runs on when the agent ends. Adopt takes it up again, while it runs and
//     after it has ended, and then knows how it really ended.
//   - What an attempt writes is appended to the log file of its replica.
//
// All implementations are safe for concurrent use; what Open returns belongs to one
// goroutine.
package runtime

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Names of the runtimes, as templates and statuses spell them.
const (
	Process   = "process"
	Container = "container"
)

// Place is a replica on its node. Everything a runtime makes of it is named after
// its place.
type Place struct {
	Workload string // uid
	Replica  string // name, such as "main-0"
	Dir      string // absolute; the runtime's files are here, next to the engine's
}

// Runtime is one way to run replicas.
type Runtime interface {
	// Name is one of the names above.
	Name() string
	// Check looks whether the runtime works here, and returns what it stands on, such
	// as "Docker 29.1.3"; empty when there is nothing to tell.
	Check(context.Context) (string, error)
	// Suits reports whether the runtime is a good choice for an image. It answers at
	// once, from what the last Check found.
	Suits(image string) bool
	// WorkDir is the directory of the node that relative paths of a template mean;
	// own is the replica's own.
	WorkDir(t *gpuagentv1.Template, own string) string
	// History reads what was begun at a place. A place that does not exist has none.
	History(Place) (History, error)
	// Open makes ready to start attempts at a place, and warms up what takes a
	// moment whatever is to be run.
	Open(Place) Starter
	// Adopt takes up an attempt that History tells of.
	Adopt(at Place, attempt int) Attempt
	// Forget removes what the runtime keeps of a place outside its directory. All
	// attempts have ended by then. It may be repeated.
	Forget(context.Context, Place) error
	// Close lets go of what the runtime holds on to. Attempts run on.
	Close()
}

// Limiter is a runtime that does not always keep replicas within their limits.
type Limiter interface {
	// Limits returns the names of the limits that are enforced here, and a sentence that says
	// how, and why others are not.
	Limits() (enforced []string, message string)
}

// Fencer is a runtime that does not always keep replicas from GPUs they were not given.
type Fencer interface {
	// Fence reports whether replicas are kept from devices here when they are withheld from
	// them, and returns a sentence that says what by, or why not.
	Fence(devices []*gpuagentv1.DeviceNode) (kept bool, message string)
}

// History is what was begun at a place.
type History struct {
	// Attempts are the numbers of those that can be adopted, in order.
	Attempts []int
	// Begun is how many of them have been started, as far as one can know.
	Begun int
	// Next is the number that a new attempt gets.
	Next int
	// Open reports whether the last attempt is to be adopted. Otherwise there
	// was none, or it was given up before it was started.
	Open bool
}

// Starter starts the attempts of one replica.
type Starter interface {
	// Prepare makes ready whatever the attempts need. It can be slow; it returns
	// early when ctx ends. A *Failure says what went wrong.
	Prepare(context.Context, Order) error
	// Start begins an attempt of what was prepared. When ctx ends the attempt may
	// have been begun or not; History tells.
	Start(ctx context.Context, attempt int) (Attempt, error)
	// Close lets go of what was warmed up and not used.
	Close()
}

// Readier is an attempt whose order has a readiness probe with a handler, in its pod.
type Readier interface {
	// Ready reports what the probe says by now.
	Ready() bool
}

// Attempt is one attempt that was begun.
type Attempt interface {
	// Wait returns how the attempt ended once it has. When ctx ends first,
	// Wait returns its error and the attempt runs on.
	Wait(context.Context) (Exit, error)
	// Stop ends the attempt: SIGTERM, then SIGKILL after the grace period. It
	// may return before the end, and is a no-op after it.
	Stop(context.Context) error
	// PID is the process id on the node; 0 while there is none.
	PID() int
}
