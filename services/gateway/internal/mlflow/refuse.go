package mlflow

import (
	"context"
	"errors"
	"net/http"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

const endpointNotFound = "ENDPOINT_NOT_FOUND"

// statusOf says which status MLflow's client expects of an error code.
var statusOf = map[string]int{
	"BAD_REQUEST": 400, "INVALID_PARAMETER_VALUE": 400, "RESOURCE_ALREADY_EXISTS": 400,
	"UNAUTHENTICATED": 401, "CUSTOMER_UNAUTHORIZED": 401,
	"PERMISSION_DENIED": 403,
	"NOT_FOUND":         404, endpointNotFound: 404, "RESOURCE_DOES_NOT_EXIST": 404,
	"ABORTED": 409, "ALREADY_EXISTS": 409, "RESOURCE_CONFLICT": 409,
	"RESOURCE_EXHAUSTED": 429, "REQUEST_LIMIT_EXCEEDED": 429,
	"CANCELLED":      499,
	"INTERNAL_ERROR": 500, "INVALID_STATE": 500, "DATA_LOSS": 500,
	"NOT_IMPLEMENTED":         501,
	"TEMPORARILY_UNAVAILABLE": 503,
	"DEADLINE_EXCEEDED":       504,
}

// codeOf is the error code of a kind of fault whose reason is none.
var codeOf = map[fault.Kind]string{
	fault.Internal:        "INTERNAL_ERROR",
	fault.NotFound:        "RESOURCE_DOES_NOT_EXIST",
	fault.AlreadyExists:   "RESOURCE_ALREADY_EXISTS",
	fault.Conflict:        "ABORTED",
	fault.Precondition:    "INVALID_PARAMETER_VALUE",
	fault.Invalid:         "INVALID_PARAMETER_VALUE",
	fault.Exhausted:       "RESOURCE_EXHAUSTED",
	fault.Unavailable:     "TEMPORARILY_UNAVAILABLE",
	fault.Unauthenticated: "UNAUTHENTICATED",
	fault.Denied:          "PERMISSION_DENIED",
	fault.Canceled:        "CANCELLED",
}

// wrongMethod is the error of a path that goes with other methods only.
type wrongMethod struct{ allow string }

func (e wrongMethod) Error() string { return "goes with " + e.allow }

// refuse writes an error.
func (e *edge) refuse(w http.ResponseWriter, r *http.Request, err error) {
	code, message := describe(err)
	if status.Code(err) == codes.Canceled && r.Context().Err() == nil { // by a service that ends, not by the client
		code = "TEMPORARILY_UNAVAILABLE"
	}
	httpStatus := statusOf[code]
	if other, ok := errors.AsType[wrongMethod](err); ok {
		code, httpStatus = endpointNotFound, http.StatusMethodNotAllowed
		message = r.Method + " does not go with " + r.URL.Path + "; use " + other.allow
		w.Header().Set("Allow", other.allow)
	}
	if code == endpointNotFound && httpStatus == http.StatusNotFound {
		message = "there is no endpoint of MLflow's at " + r.URL.Path
	}
	if httpStatus >= http.StatusInternalServerError {
		e.Log.WarnContext(r.Context(), "mlflow request failed", "method", r.Method, "path", r.URL.Path, "err", err, "cause", errors.Unwrap(err))
	}
	answer := reply{b: []byte{'{'}}
	answer.text("error_code", code)
	answer.text("message", message)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(httpStatus)
	_, _ = w.Write(append(answer.b, '}'))
}

// faultOf returns the fault that an error is, if it is one.
func faultOf(err error) (*fault.Error, bool) {
	return errors.AsType[*fault.Error](rpc.Fault(err))
}

// describe returns the error code and the message of an error.
func describe(err error) (code, message string) {
	if status.Code(err) == codes.Unimplemented {
		return "NOT_IMPLEMENTED", "this server does not have that yet"
	}
	f, ok := faultOf(err)
	switch {
	case status.Code(err) == codes.DeadlineExceeded || errors.Is(err, context.DeadlineExceeded):
		return "DEADLINE_EXCEEDED", "the request took too long"
	case !ok && errors.Is(err, context.Canceled):
		return "CANCELLED", "the request was given up"
	case !ok:
		return "INTERNAL_ERROR", "internal error"
	}
	if _, known := statusOf[f.Reason]; known {
		return f.Reason, f.Error()
	}
	return codeOf[f.Kind], f.Error()
}
