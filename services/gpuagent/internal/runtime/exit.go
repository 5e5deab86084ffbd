package runtime

import (
	"errors"
	"time"
)

// Cause says why an attempt ended.
type Cause int

// The causes.
const (
	Ended    Cause = iota // by itself
	Stopped               // it was told to
	Deadline              // its deadline had passed
	Failed                // it could not be started, or was ended for what it did; Reason says why
	Lost                  // how it ended is not known; Reason says why
)

// Exit is how an attempt ended.
type Exit struct {
	// Code is the exit status; 128 + signal when a signal ended it.
	Code int
	// Signal that ended it; 0 when none did, or that is not known.
	Signal int
	// Cause of the end.
	Cause Cause
	// Reason is a stable word, with Failed and Lost.
	Reason string
	// Message is a sentence for people, with Failed and Lost.
	Message string
	// Start and Finish, as far as they are known.
	Start, Finish time.Time
}

// Reasons that more than one runtime gives.
const (
	// ReasonStart is that of what could not be started. It is not tried again.
	ReasonStart = "StartFailed"
	// ReasonInstall is that of Python packages that could not be installed.
	ReasonInstall = "InstallFailed"
	// ReasonOutOfMemory is that of what used more memory than its limit, as Kubernetes
	// spells it.
	ReasonOutOfMemory = "OOMKilled"
	// ReasonNodeLost is that of what ended because its node was lost, or held itself
	// for lost. It is started again elsewhere and not there.
	ReasonNodeLost = "NodeLost"
)

// MessageFenced is what is said of what was killed with ReasonNodeLost.
const MessageFenced = "killed because its node had not been heard of"

// Failure is why a replica could not be made ready.
type Failure struct {
	Reason string // stable word
	Err    error
}

// Error implements error.
func (f *Failure) Error() string { return f.Err.Error() }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// ReasonOf is the reason of an error of Prepare or Start.
func ReasonOf(err error) string {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Reason
	}
	return ReasonStart
}
