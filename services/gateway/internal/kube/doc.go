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

// Page says which part of a list is wanted.
type Page struct {
	Limit    int32 // 0 for all
	Continue string
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
	// fails. From revision 0 on it tells of what exists, and then a BOOKMARK.
	Watch(ctx context.Context, namespace, name string, after int64, told func(Change) error) error
}

// Resource is one kind of resource in one version.
type Resource struct {
	Group, Version   string
	Plural, Singular string
	Kind             string
	Short            []string // names that kubectl takes as well
	Store            Store
}

// APIVersion is the group and version, as objects carry it.
func (r *Resource) APIVersion() string { return r.Group + "/" + r.Version }

// Register adds the paths of resources to a mux. The version is that of the binary.
func Register(mux *http.ServeMux, version string, resources ...Resource) {
	t := &table{resources: resources, version: version}
	t.discover(mux)
	for i := range resources {
		h := &handler{resource: &resources[i]}
		all := "/apis/" + h.resource.APIVersion() + "/" + h.resource.Plural
		some := "/apis/" + h.resource.APIVersion() + "/namespaces/{namespace}/" + h.resource.Plural
		mux.HandleFunc(all, h.collection)
		mux.HandleFunc(some, h.collection)
		mux.HandleFunc(some+"/{name}", h.object)
		mux.HandleFunc(some+"/{name}/status", h.status)
	}
}
