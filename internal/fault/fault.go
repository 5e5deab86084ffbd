// Package fault holds the errors that cross kfmesh's layers.
//
// Domain code returns a *Error made by one of the constructors; internal/rpc
// turns it into a gRPC status on the way out and back into a *Error on the way
// in, so a caller sees the same kind, reason and violations on both sides of
// the wire. The message is for the user: what was wrong with what they gave and
// what would be right. The cause is for the log only.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what sort of failure an error is and so what a caller may do about it.
type Kind int

// The kinds. Only Unavailable is worth an unchanged retry; Conflict is worth a
// re-read and another try.
const (
	Internal        Kind = iota // a bug or a broken invariant; the cause is in the log
	NotFound                    // no such resource
	AlreadyExists               // a resource of that name exists
	Conflict                    // the resource changed meanwhile
	Precondition                // the resource is in the wrong state for this
	Invalid                     // the request is malformed; see Violations
	Exhausted                   // a limit was reached
	Unavailable                 // something needed cannot be reached now
	Unauthenticated             // the caller is unknown
	Denied                      // the caller is known and may not
	Canceled                    // the caller went away or ran out of time
)

var kindNames = [...]string{
	Internal: "internal", NotFound: "not found", AlreadyExists: "already exists", Conflict: "conflict",
	Precondition: "precondition", Invalid: "invalid", Exhausted: "exhausted", Unavailable: "unavailable",
	Unauthenticated: "unauthenticated", Denied: "denied", Canceled: "canceled",
}

// String names the kind.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Violation is one thing wrong with a request.
type Violation struct {
	Field  string // path of the field, such as "root.dag.tasks.train.componentRef.name"
	Reason string // what is wrong with it and what would be right
}

// Error is a failure with a kind, a stable reason and a message for the user.
type Error struct {
	Kind       Kind
	Reason     string // stable UPPER_SNAKE word for programs, such as "RUN_NOT_FOUND"; may be empty
	Message    string // sentence for the user
	Violations []Violation
	cause      error
}

// Error returns the message with its violations, without the cause.
func (e *Error) Error() string {
	if len(e.Violations) == 0 {
		return e.Message
	}
	var b strings.Builder
	b.WriteString(e.Message)
	for i, v := range e.Violations {
		sep := "; "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep)
		if v.Field != "" {
			b.WriteString(v.Field + ": ")
		}
		b.WriteString(v.Reason)
	}
	return b.String()
}

// Unwrap returns the cause, which may be nil.
func (e *Error) Unwrap() error { return e.cause }

// WithReason sets the stable reason and returns e.
func (e *Error) WithReason(reason string) *Error {
	e.Reason = reason
	return e
}

// WithCause sets the cause, which goes to the log only, and returns e.
func (e *Error) WithCause(err error) *Error {
	e.cause = err
	return e
}

// New makes an error of a kind with a formatted message for the user.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// NotFoundf says that a resource does not exist.
func NotFoundf(format string, args ...any) *Error { return New(NotFound, format, args...) }

// AlreadyExistsf says that a resource exists already.
func AlreadyExistsf(format string, args ...any) *Error { return New(AlreadyExists, format, args...) }

// Conflictf says that a resource changed meanwhile.
func Conflictf(format string, args ...any) *Error { return New(Conflict, format, args...) }

// Preconditionf says that a resource is in the wrong state for the request.
func Preconditionf(format string, args ...any) *Error { return New(Precondition, format, args...) }

// Exhaustedf says that a limit was reached.
func Exhaustedf(format string, args ...any) *Error { return New(Exhausted, format, args...) }

// Unavailablef says that something needed cannot be reached now.
func Unavailablef(format string, args ...any) *Error { return New(Unavailable, format, args...) }

// Internalf says that something that cannot happen did; cause goes to the log.
func Internalf(cause error, format string, args ...any) *Error {
	return New(Internal, format, args...).WithCause(cause)
}

// Invalidf says that one field of a request is wrong. The path names the field
// as the user wrote it; it may be empty when the request as a whole is meant.
func Invalidf(path, format string, args ...any) *Error {
	return InvalidAll([]Violation{{Field: path, Reason: fmt.Sprintf(format, args...)}})
}

// InvalidAll says everything that is wrong with a request.
func InvalidAll(violations []Violation) *Error {
	return &Error{Kind: Invalid, Message: "invalid request", Violations: violations}
}

// Is reports whether err is a *Error of the kind. It is false for nil.
func Is(err error, kind Kind) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Kind == kind
}
