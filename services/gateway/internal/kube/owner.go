package kube

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// owners knows who set which field of the objects of a resource: what an API server
// keeps in metadata.managedFields. It merges what is applied by that. The library is the
// API server's own.
type owners struct{ fields *managedfields.FieldManager }

// maxManager is the longest name of a manager of fields, that of Kubernetes.
const maxManager = 128

// newOwners are those of a resource, or of what is below its objects, such as "scale".
func newOwners(r *Resource, below string) *owners {
	kind := schema.GroupVersionKind{Group: r.Group, Version: r.Version, Kind: r.Kind}
	fields, err := managedfields.NewDefaultCRDFieldManager(r.types(), untyped{}, untyped{}, untyped{}, kind, kind.GroupVersion(), below, nil)
	if err != nil {
		panic("kube: fields of " + r.Kind + " cannot be kept track of: " + err.Error()) // with no fields to reset it cannot fail
	}
	return &owners{fields: fields}
}

// types say how the objects of the resource are made up.
func (r *Resource) types() managedfields.TypeConverter {
	return managedfields.NewDeducedTypeConverter()
}

// changed notes who made an object what it is now. live is nil for one that is new.
func (o *owners) changed(q *http.Request, live, now Object) (Object, error) {
	was, is, err := states(live, now)
	if err != nil {
		return nil, err
	}
	out, err := o.fields.Update(was, is, managerOf(q))
	if err != nil {
		return nil, badRequest("%v", err)
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
	out, err := o.fields.Apply(was, is, manager, truth(q, "force"))
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
