package pod

import (
	"errors"
	"time"
)

// ErrEnded is what Do returns when the container has ended, of which no more is to be said.
var ErrEnded = errors.New("the container has ended")

// Host runs the containers of a pod. Its methods may be called at the same time.
type Host interface {
	// Begun reports whether a container has been started before.
	Begun(c Container) bool
	// Start starts a container. One that has begun before it takes up as it is, except a
	// companion that has ended, which it starts again by its policy. Where that cannot be, it returns
	// nil, an exit status as shells have it, and a sentence.
	Start(c Container) (p Process, code int, why string)
	// Do does something on behalf of a container, within a time; 0 means any.
	Do(a Action, of Container, within time.Duration) error
	// Ready tells of a container with a readiness probe whether it is ready, whenever that
	// changes; at first it is not.
	Ready(c Container, ready bool)
	// Say tells whoever reads the log.
	Say(container, sentence string)
	// Judge leaves word on why the pod failed.
	Judge(v Verdict) error
}

// Process is a container that runs, or has ended.
type Process interface {
	// Ended is closed once it has ended.
	Ended() <-chan struct{}
	// Code is its exit status after that.
	Code() int
	// Stop asks it to end, kills it when grace is over, and returns when it has ended.
	Stop(grace time.Duration)
	// Started reports whether it is known to have started, by its hook and its startup
	// probe; MarkStarted makes that known.
	Started() bool
	MarkStarted()
}
