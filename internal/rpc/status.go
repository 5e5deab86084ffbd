package rpc

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// errorDomain is the domain of the ErrorInfo in statuses.
const errorDomain = "kfmesh"

// codeOf says which status code a kind is on the wire.
var codeOf = map[fault.Kind]codes.Code{
	fault.Internal:        codes.Internal,
	fault.NotFound:        codes.NotFound,
	fault.AlreadyExists:   codes.AlreadyExists,
	fault.Conflict:        codes.Aborted,
	fault.Precondition:    codes.FailedPrecondition,
	fault.Invalid:         codes.InvalidArgument,
	fault.Exhausted:       codes.ResourceExhausted,
	fault.Unavailable:     codes.Unavailable,
	fault.Unauthenticated: codes.Unauthenticated,
	fault.Denied:          codes.PermissionDenied,
	fault.Canceled:        codes.Canceled,
}

// kindOf says which kind a status code is in a client.
var kindOf = map[codes.Code]fault.Kind{
	codes.NotFound:           fault.NotFound,
	codes.AlreadyExists:      fault.AlreadyExists,
	codes.Aborted:            fault.Conflict,
	codes.FailedPrecondition: fault.Precondition,
	codes.InvalidArgument:    fault.Invalid,
	codes.OutOfRange:         fault.Invalid,
	codes.ResourceExhausted:  fault.Exhausted,
	codes.Unavailable:        fault.Unavailable,
	codes.Unauthenticated:    fault.Unauthenticated,
	codes.PermissionDenied:   fault.Denied,
	codes.Canceled:           fault.Canceled,
	codes.DeadlineExceeded:   fault.Canceled,
}

// Status returns the status that a client is to see of err: of a fault, all
// but its cause; of a status, as from a proxied call, itself; of anything else,
// only that it happened. It returns nil for nil.
func Status(err error) *status.Status {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return faultStatus(e)
	}
	if s, ok := status.FromError(err); ok {
		return s
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return status.New(codes.DeadlineExceeded, "the deadline passed")
	case errors.Is(err, context.Canceled):
		return status.New(codes.Canceled, "the request was given up")
	}
	return faultStatus(fault.Internalf(err, "internal error"))
}

func faultStatus(e *fault.Error) *status.Status {
	code := codeOf[e.Kind]
	if e.Kind == fault.Canceled && errors.Is(e, context.DeadlineExceeded) {
		code = codes.DeadlineExceeded
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: reasonOf(e), Domain: errorDomain}}
	if len(e.Violations) > 0 {
		bad := &errdetails.BadRequest{}
		for _, v := range e.Violations {
			bad.FieldViolations = append(bad.FieldViolations, &errdetails.BadRequest_FieldViolation{
				Field: v.Field, Description: v.Reason,
			})
		}
		details = append(details, bad)
	}
	s := status.New(code, e.Error())
	if detailed, err := s.WithDetails(details...); err == nil {
		return detailed
	}
	return s // the details hold invalid UTF-8; the message alone is still worth having
}

// reasonOf returns the fault's reason, or one made of its kind: an ErrorInfo
// without a reason would be malformed.
func reasonOf(e *fault.Error) string {
	if e.Reason != "" {
		return e.Reason
	}
	return kindReason(e.Kind)
}

func kindReason(kind fault.Kind) string {
	return strings.ToUpper(strings.ReplaceAll(kind.String(), " ", "_"))
}

// Fault returns the fault that a status error carries, with the status error as
// its cause. What is no status error, nil and io.EOF among it, is returned as it is.
func Fault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	s, ok := status.FromError(err)
	if !ok {
		return err
	}
	e := &fault.Error{Kind: kindOf[s.Code()], Message: s.Message()}
	for _, detail := range s.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			if d.GetReason() != kindReason(e.Kind) {
				e.Reason = d.GetReason()
			}
		case *errdetails.BadRequest:
			for _, v := range d.GetFieldViolations() {
				e.Violations = append(e.Violations, fault.Violation{Field: v.GetField(), Reason: v.GetDescription()})
			}
		}
	}
	// The status's message ends in the violations, for clients that show only it.
	e.Message = strings.TrimSuffix(e.Message, (&fault.Error{Violations: e.Violations}).Error())
	return e.WithCause(err)
}
