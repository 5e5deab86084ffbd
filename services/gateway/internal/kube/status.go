package kube

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// requestError is a request that is wrong before any resource is looked at.
type requestError struct{ message string }

func (e *requestError) Error() string { return e.message }

// BadRequest is an error that is the request's, whatever there is.
func BadRequest(format string, args ...any) error { return badRequest(format, args...) }

func badRequest(format string, args ...any) error { return &requestError{fmt.Sprintf(format, args...)} }

// mediaError is a body of a kind that is not read; accepted are those that are.
type mediaError struct{ accepted, media string }

func (e *mediaError) Error() string {
	return fmt.Sprintf("the body of the request was in an unknown format - accepted media types include: %s; it was %s", e.accepted, e.media)
}

// status is a v1.Status that says what failed.
type status struct {
	Kind       string         `json:"kind"`
	APIVersion string         `json:"apiVersion"`
	Metadata   map[string]any `json:"metadata"`
	Status     string         `json:"status"`
	Message    string         `json:"message"`
	Reason     string         `json:"reason,omitempty"`
	Details    *details       `json:"details,omitempty"`
	Code       int            `json:"code"`
}

type details struct {
	Name   string  `json:"name,omitempty"`
	Group  string  `json:"group,omitempty"`
	Kind   string  `json:"kind,omitempty"`
	Causes []cause `json:"causes,omitempty"`
}

type cause struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Field   string `json:"field"`
}

func failure(code int, reason, message string, d *details) *status {
	return &status{
		Kind: "Status", APIVersion: "v1", Metadata: map[string]any{}, Status: "Failure",
		Message: message, Reason: reason, Details: d, Code: code,
	}
}

// fail answers what failed with an object of a name.
func (h *handler) fail(w http.ResponseWriter, name string, err error) {
	s := h.resource.explain(name, err)
	answer(w, s.Code, s)
}

func (h *handler) notAllowed(w http.ResponseWriter) {
	h.refuse(w, "the server does not allow this method on the requested resource")
}

// Refuse answers that something cannot be done with a resource, and why.
func Refuse(w http.ResponseWriter, why string) {
	answer(w, http.StatusMethodNotAllowed, failure(http.StatusMethodNotAllowed, "MethodNotAllowed", why, &details{}))
}

// refuse answers that something cannot be done, and why.
func (h *handler) refuse(w http.ResponseWriter, why string) {
	answer(w, http.StatusMethodNotAllowed, failure(http.StatusMethodNotAllowed, "MethodNotAllowed", why, &details{Group: h.resource.Group, Kind: h.resource.Plural}))
}

// reasonExpired is that of a revision whose changes are no longer kept.
const reasonExpired = "REVISION_EXPIRED"

// misunderstood is what is wrong with a request before any service is asked; nil when
// that is nothing.
func misunderstood(err error) *status {
	if _, ok := errors.AsType[*requestError](err); ok {
		return failure(http.StatusBadRequest, "BadRequest", err.Error(), nil)
	}
	if wrong, ok := errors.AsType[*optionsError](err); ok {
		return failure(http.StatusUnprocessableEntity, "Invalid", err.Error(), &details{Group: "meta.k8s.io", Kind: wrong.kind})
	}
	if _, ok := errors.AsType[*mediaError](err); ok {
		return failure(http.StatusUnsupportedMediaType, "UnsupportedMediaType", err.Error(), nil)
	}
	return nil
}

// explain is an error as Kubernetes says it.
func (r *Resource) explain(name string, err error) *status {
	if s := misunderstood(err); s != nil {
		return s
	}
	if conflict, ok := errors.AsType[*apierrors.StatusError](err); ok {
		return owned(conflict, &details{Name: name, Group: r.Group, Kind: r.Plural})
	}
	e, ok := errors.AsType[*fault.Error](rpc.Fault(err))
	if !ok {
		return failure(http.StatusInternalServerError, "InternalError", "Internal error occurred: "+err.Error(), nil)
	}
	resource, d := strings.TrimSuffix(r.Plural+"."+r.Group, "."), &details{Name: name, Group: r.Group, Kind: r.Plural}
	switch e.Kind {
	case fault.NotFound:
		return failure(http.StatusNotFound, "NotFound", fmt.Sprintf("%s %q not found", resource, name), d)
	case fault.AlreadyExists:
		return failure(http.StatusConflict, "AlreadyExists", fmt.Sprintf("%s %q already exists", resource, name), d)
	case fault.Conflict:
		return failure(http.StatusConflict, "Conflict", fmt.Sprintf("Operation cannot be fulfilled on %s %q: %s", resource, name, e.Message), d)
	case fault.Invalid:
		return r.invalid(name, e)
	case fault.Precondition:
		if e.Reason == reasonExpired {
			return failure(http.StatusGone, "Expired", "too old resource version: "+e.Message, nil)
		}
		return failure(http.StatusConflict, "Conflict", e.Message, d)
	case fault.Exhausted:
		return failure(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", e.Message, d)
	case fault.Unavailable:
		return failure(http.StatusServiceUnavailable, "ServiceUnavailable", e.Message, d)
	case fault.Unauthenticated:
		return failure(http.StatusUnauthorized, "Unauthorized", e.Message, nil)
	case fault.Denied:
		return failure(http.StatusForbidden, "Forbidden", e.Message, d)
	case fault.Canceled:
		return failure(http.StatusGatewayTimeout, "Timeout", e.Message, d)
	}
	return failure(http.StatusInternalServerError, "InternalError", "Internal error occurred: "+e.Message, d)
}

// owned says that what was to be applied is owned by others.
func owned(conflict *apierrors.StatusError, d *details) *status {
	s := conflict.Status()
	for _, c := range s.Details.Causes {
		d.Causes = append(d.Causes, cause{Reason: string(c.Type), Message: c.Message, Field: c.Field})
	}
	return failure(int(s.Code), string(s.Reason), s.Message, d)
}

// causes are the reasons of what is wrong with a field, by how the message begins.
var causes = map[string]string{
	"Required value:": "FieldValueRequired", "Invalid value:": "FieldValueInvalid", "Unsupported value:": "FieldValueNotSupported",
	"Forbidden:": "FieldValueForbidden", "Not found:": "FieldValueNotFound", "Duplicate value:": "FieldValueDuplicate",
}

// invalid says everything that is wrong with an object.
func (r *Resource) invalid(name string, e *fault.Error) *status {
	d := &details{Name: name, Group: r.Group, Kind: r.Kind}
	var all []string
	for _, v := range e.Violations {
		value := strings.HasPrefix(v.Reason, "Invalid value:")
		if v.Field == "" || !value && (v.Field == "kind" || v.Field == "metadata.namespace") { // not a matter of the object's fields
			return failure(http.StatusBadRequest, "BadRequest", v.Reason, nil)
		}
		c := cause{Reason: "FieldValueInvalid", Message: v.Reason, Field: v.Field}
		for begin, reason := range causes {
			if strings.HasPrefix(v.Reason, begin) {
				c.Reason = reason
			}
		}
		d.Causes = append(d.Causes, c)
		all = append(all, v.Field+": "+v.Reason)
	}
	text := strings.Join(all, ", ")
	switch {
	case len(all) == 0:
		text = e.Message
	case len(all) > 1:
		text = "[" + text + "]"
	}
	return failure(http.StatusUnprocessableEntity, "Invalid", fmt.Sprintf("%s %q is invalid: %s", strings.TrimSuffix(r.Kind+"."+r.Group, "."), name, text), d)
}
