// Package kube serves resources as a Kubernetes API server does, so that kubectl, the
// Kubeflow SDKs and whoever else speaks its REST API can work with them.
//
// The frame knows verbs, paths, bodies, patches, selectors, watches, discovery and
// errors (v1.Status), and nothing of any resource. Each resource is a row of a table with
// a Store, which one adapter a service implements; kinds of other services are further
// rows. An object is JSON as it goes over the wire: apiVersion, kind, metadata, spec,
// status.
//
//	/api, /apis, /apis/GROUP, /apis/GROUP/VERSION, /version            discovery
//	/apis/GROUP/VERSION[/namespaces/NS]/PLURAL                         list, watch, create, delete all
//	/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME                      get, replace, patch, delete
//	/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/status               get
//	/apis/GROUP/VERSION/namespaces/NS/PLURAL/NAME/scale                get, replace, patch
//
// Whoever asks for a table (as kubectl get does) gets one, of objects and of changes. The
// parameter fieldValidation says what becomes of fields that nobody knows.
//
// The core group, which has no name, is under /api/VERSION. A resource that belongs to no
// namespace has /apis/GROUP/VERSION/PLURAL[/NAME] alone. A resource may have paths of its
// own below an object's.
package kube

import (
	"context"
	"net/http"
)

// Object is an object as it goes over the wire.
type Object map[string]any

// Change is what a watch tells: an object that was made, changed or deleted.
type Change struct {
	Type   string // ADDED, MODIFIED or DELETED; BOOKMARK when all that existed was told
	Object Object // of a BOOKMARK nil
	// Revision is that of the change.
	Revision int64
}

// Gone is what is known of an object that is no longer there.
func Gone(namespace, name string) Object {
	meta := map[string]any{"name": name}
	if namespace != "" {
		meta["namespace"] = namespace
	}
	return Object{"metadata": meta}
}

// Page says which part of a list is wanted.
type Page struct {
	Limit    int32 // 0 for all; a page may be somewhat larger
	Continue string
	// Labels and Fields are values that all that is wanted has: a store need not look further,
	// and may give out more.
	Labels, Fields map[string]string
}

// List is one page of objects.
type List struct {
	Items    []Object
	Continue string // empty on the last page
	Revision int64  // to watch from
}

// Options go with a change.
type Options struct {
	DryRun bool
	// Revision and UID are those that the object must have; zero for any.
	Revision int64
	UID      string
}

// Store is where the objects of a resource are. Its errors are faults.
type Store interface {
	Create(ctx context.Context, namespace string, manifest []byte, o Options) (made Object, warnings []string, err error)
	Get(ctx context.Context, namespace, name string) (Object, error)
	// List returns the objects of a namespace, or of all when it is empty.
	List(ctx context.Context, namespace string, page Page) (List, error)
	Update(ctx context.Context, namespace, name string, manifest []byte, o Options) (now Object, warnings []string, err error)
	Delete(ctx context.Context, namespace, name string, o Options) error
	// Watch calls told with every change after a revision until ctx ends or told
	// fails. From revision 0 on it tells of what exists, and then a BOOKMARK. A store that
	// keeps no changes tells of the one object that a name means that it is deleted, when it
	// is no longer there: Gone is what is left of it.
	Watch(ctx context.Context, namespace, name string, after int64, told func(Change) error) error
}

// Resource is one kind of resource in one version.
type Resource struct {
	Group, Version   string
	Plural, Singular string
	Kind             string
	Also             []string // names of the kind that bodies may have as well
	Short            []string // names that kubectl takes as well
	Store            Store
	Cluster          bool // belongs to no namespace
	ReadOnly         bool // is only looked at
	// Refusal is said to who would change what is only looked at; empty for the usual words.
	Refusal string
	// Fields are those that objects can be selected by, besides name and namespace, such as
	// "status.phase".
	Fields []string
	// Scale is where the number of replicas is; nil when there is none.
	Scale *Scale
	// Plain says that strategic merge patches are taken, as of kinds that kubectl was built
	// with: lists in them are taken as a whole.
	Plain bool
	// Aside says that it is not among all that there is (`kubectl get all`).
	Aside bool
	// Message is how clients that were built with the kind send it in protobuf; nil when
	// there are none.
	Message Message
	// Schema describes objects of the kind: what is below spec, or all its fields besides
	// metadata, by name. It may be asked for often. nil when nobody does.
	Schema func(context.Context) (*Schema, error)
	// Columns are those of its tables after the name; nil for the age alone.
	Columns []Column
	// Happenings are told of other objects: their tables begin without their names, and
	// they are not among all that there is.
	Happenings bool
	// Below are further paths below an object's, by their last part. The path values are
	// namespace and name.
	Below map[string]func(http.ResponseWriter, *http.Request) error
}

// APIVersion is the group and version, as objects carry it.
func (r *Resource) APIVersion() string {
	if r.Group == "" {
		return r.Version
	}
	return r.Group + "/" + r.Version
}

// root is what the paths of the resource begin with.
func (r *Resource) root() string {
	if r.Group == "" {
		return "/api/" + r.Version
	}
	return "/apis/" + r.APIVersion()
}

// Register adds the paths of resources to a mux. The version is that of the binary.
func Register(mux *http.ServeMux, version string, resources ...Resource) {
	t := &table{resources: resources, version: version}
	t.discover(mux)
	t.openapi(mux)
	t.nothing(mux)
	access(mux)
	for i := range resources {
		h := newHandler(&resources[i])
		all := h.resource.root() + "/" + h.resource.Plural
		some := h.resource.root() + "/namespaces/{namespace}/" + h.resource.Plural
		mux.HandleFunc(all, h.collection)
		if h.resource.Cluster {
			some = all
		} else {
			mux.HandleFunc(some, h.collection)
		}
		mux.HandleFunc(some+"/{name}", h.object)
		if _, own := h.resource.Below["status"]; !own {
			mux.HandleFunc(some+"/{name}/status", h.status)
		}
		if h.resource.Scale != nil {
			mux.HandleFunc(some+"/{name}/scale", h.scale)
		}
		for part, serve := range h.resource.Below {
			mux.HandleFunc(some+"/{name}/"+part, func(w http.ResponseWriter, r *http.Request) {
				if err := serve(w, r); err != nil {
					h.fail(w, r.PathValue("name"), err)
				}
			})
		}
	}
}

// nothing says so of paths below those of resources at which there is nothing.
func (t *table) nothing(mux *http.ServeMux) {
	roots := map[string]bool{}
	for i := range t.resources {
		if root := t.resources[i].root(); !roots[root] {
			roots[root] = true
			mux.HandleFunc(root+"/", func(w http.ResponseWriter, _ *http.Request) {
				answer(w, http.StatusNotFound, failure(http.StatusNotFound, "NotFound", "the server could not find the requested resource", &details{}))
			})
		}
	}
}

// Answer writes an object.
func Answer(w http.ResponseWriter, o Object) { answer(w, http.StatusOK, o) }

// Read reads the object in a body, JSON or YAML.
func Read(r *http.Request) (Object, error) {
	data, err := readBody(r)
	if err != nil {
		return nil, err
	}
	return decodeBody(data, r.Header.Get("Content-Type"))
}
