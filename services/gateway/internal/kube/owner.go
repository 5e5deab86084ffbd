package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strings"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// owners knows who set which field of the objects of a resource: what an API server
// keeps in metadata.managedFields. It merges what is applied by that. The library is the
// API server's own.
type owners struct {
	resource *Resource
	below    string // of objects, such as "scale"; empty for the objects themselves

	mu    sync.Mutex
	known *managedfields.FieldManager // guarded by mu; nil until it is first needed
}

// maxManager is the longest name of a manager of fields, that of Kubernetes.
const maxManager = 128

// fields is what keeps track of fields. It is made when it is first needed, for it takes
// the schema of the kind.
func (o *owners) fields(ctx context.Context) (*managedfields.FieldManager, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known != nil {
		return o.known, nil
	}
	types, err := o.resource.types(ctx)
	if err != nil {
		return nil, err
	}
	kind := schema.GroupVersionKind{Group: o.resource.Group, Version: o.resource.Version, Kind: o.resource.Kind}
	made, err := managedfields.NewDefaultCRDFieldManager(types, untyped{}, untyped{}, untyped{}, kind, kind.GroupVersion(), o.below, nil)
	if err != nil {
		return nil, fault.Internalf(err, "fields of %s cannot be kept track of", o.resource.Kind)
	}
	o.known = made
	return made, nil
}

// changed notes who made an object what it is now. live is nil for one that is new.
func (o *owners) changed(q *http.Request, live, now Object) (Object, error) {
	was, is, err := states(live, now)
	if err != nil {
		return nil, err
	}
	fields, err := o.fields(q.Context())
	if err != nil {
		return nil, err
	}
	out, err := fields.Update(was, is, managerOf(q))
	if err != nil {
		return now, nil //nolint:nilerr // it is not made up as it should be, which its service says better
	}
	return restored(out, now)
}

// applied is what an object becomes when another is applied to it. live is nil for one
// that is new. What others own is a conflict, unless the request forces it.
func (o *owners) applied(q *http.Request, live, wanted Object) (Object, error) {
	manager := q.URL.Query().Get("fieldManager")
	if manager == "" {
		return nil, &optionsError{"PatchOptions", "fieldManager: Required value: is required for apply patch"}
	}
	if wanted.metadata()["managedFields"] != nil {
		return nil, badRequest("metadata.managedFields must be nil")
	}
	was, is, err := states(live, wanted)
	if err != nil {
		return nil, err
	}
	fields, err := o.fields(q.Context())
	if err != nil {
		return nil, err
	}
	out, err := fields.Apply(was, is, manager, truth(q, "force"))
	if _, conflict := errors.AsType[*apierrors.StatusError](err); err != nil && !conflict {
		return nil, badRequest("%v", err)
	}
	if err != nil {
		return nil, err
	}
	return restored(out, wanted)
}

// managerOf is the manager of fields that a request names, or else its program.
func managerOf(r *http.Request) string {
	program, _, _ := strings.Cut(r.UserAgent(), "/")
	name := cmp.Or(r.URL.Query().Get("fieldManager"), program, "unknown")
	return name[:min(len(name), maxManager)]
}

// checkManager checks the parameter fieldManager.
func checkManager(r *http.Request, options string) error {
	name := r.URL.Query().Get("fieldManager")
	if len(name) > maxManager {
		return &optionsError{options, "fieldManager: Too long: may not be more than 128 bytes"}
	}
	for _, c := range name {
		if c < ' ' || c == 0x7f {
			return &optionsError{options, "fieldManager: Invalid value: should only contain printable characters"}
		}
	}
	return nil
}

// states are two states of an object as the library takes them: without status, which is
// nobody's to set.
func states(live, now Object) (was, is *unstructured.Unstructured, err error) {
	if live == nil {
		live = Object{"apiVersion": now["apiVersion"], "kind": now["kind"]}
	}
	if was, err = loose(live); err == nil {
		is, err = loose(now)
	}
	return was, is, err
}

func loose(o Object) (*unstructured.Unstructured, error) {
	o = maps.Clone(o)
	delete(o, "status")
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(o.encode()); err != nil {
		return nil, badRequest("the object cannot be read: %v", err)
	}
	return u, nil
}

// restored is what the library returned, with the status that the object had.
func restored(from runtime.Object, had Object) (Object, error) {
	data, err := json.Marshal(from)
	if err != nil {
		return nil, fault.Internalf(err, "an object that was merged cannot be written")
	}
	now, err := decode(data, "")
	if err == nil && had["status"] != nil {
		now["status"] = had["status"]
	}
	return now, err
}

// untyped makes, defaults and converts objects whose only types are their JSON: there is
// one version of each, and defaults are the services' to fill in.
type untyped struct{}

// New implements runtime.ObjectCreater.
func (untyped) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	return u, nil
}

// Default implements runtime.ObjectDefaulter.
func (untyped) Default(runtime.Object) {}

// Convert implements runtime.ObjectConvertor.
func (untyped) Convert(any, any, any) error {
	return runtime.NewNotRegisteredErrForTarget("kube", nil, nil)
}

// ConvertToVersion implements runtime.ObjectConvertor.
func (untyped) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

// ConvertFieldLabel implements runtime.ObjectConvertor.
func (untyped) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
