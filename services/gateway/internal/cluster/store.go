package cluster

import (
	"context"

	"google.golang.org/protobuf/proto"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/object"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// message is a resource of a service.
type message interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
}

// store is the resources of a service as objects.
type store[M message] struct {
	create func(ctx context.Context, m M, dry bool) (M, error)
	get    func(ctx context.Context, namespace, name string) (M, error)
	list   func(ctx context.Context, namespace string) ([]M, error)
	update func(ctx context.Context, m M, dry bool) (M, error)
	remove func(ctx context.Context, namespace, name string) error
	read   func(manifest []byte) (M, []string, error)
	show   func(M) map[string]any
	alone  bool // belongs to no namespace
}

// shown is what a service answered, as an object.
func (s *store[M]) shown(m M, err error) (kube.Object, error) {
	if err != nil {
		return nil, object.Spelled(rpc.Fault(err))
	}
	return s.show(m), nil
}

// readIn reads a manifest that is sent to a namespace.
func (s *store[M]) readIn(manifest []byte, namespace string) (M, []string, error) {
	m, warnings, err := s.read(manifest)
	if err != nil {
		return m, nil, err
	}
	meta := m.GetMetadata()
	switch {
	case s.alone:
		meta.Namespace = ""
	case meta.GetNamespace() == "":
		meta.Namespace = namespace
	case meta.GetNamespace() != namespace:
		return m, nil, fault.Invalidf("metadata.namespace", "the namespace of the provided object does not match the namespace sent on the request: %q and %q",
			meta.GetNamespace(), namespace)
	}
	return m, warnings, nil
}

// Create implements kube.Store.
func (s *store[M]) Create(ctx context.Context, namespace string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	m, warnings, err := s.readIn(manifest, namespace)
	if err != nil {
		return nil, nil, err
	}
	made, err := s.shown(s.create(ctx, m, o.DryRun))
	return made, warnings, err
}

// Get implements kube.Store.
func (s *store[M]) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	return s.shown(s.get(ctx, namespace, name))
}

// Update implements kube.Store.
func (s *store[M]) Update(ctx context.Context, namespace, name string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	m, warnings, err := s.readIn(manifest, namespace)
	if err != nil {
		return nil, nil, err
	}
	if got := m.GetMetadata().GetName(); got != name {
		return nil, nil, fault.Invalidf("metadata.name", "the name of the object (%s) does not match the name on the request (%s)", got, name)
	}
	m.GetMetadata().ResourceVersion = o.Revision
	now, err := s.shown(s.update(ctx, m, o.DryRun))
	return now, warnings, err
}

// Delete implements kube.Store.
func (s *store[M]) Delete(ctx context.Context, namespace, name string, o kube.Options) error {
	m, err := s.get(ctx, namespace, name)
	if err != nil {
		return err
	}
	if uid := m.GetMetadata().GetUid(); o.UID != "" && o.UID != uid {
		return fault.Conflictf("the UID in the precondition (%s) does not match the UID in record (%s)", o.UID, uid)
	}
	if v := m.GetMetadata().GetResourceVersion(); o.Revision != 0 && o.Revision != v {
		return fault.Conflictf("the ResourceVersion in the precondition (%d) does not match the ResourceVersion in record (%d)", o.Revision, v)
	}
	return s.remove(ctx, namespace, name)
}

// objects are all of a namespace, or of all when it is empty.
func (s *store[M]) objects(ctx context.Context, namespace string) ([]kube.Object, error) {
	all, err := s.list(ctx, namespace)
	if err != nil {
		return nil, err
	}
	out := make([]kube.Object, len(all))
	for i, m := range all {
		out[i] = s.show(m)
	}
	return out, nil
}

// List implements kube.Store. All come as one page.
func (s *store[M]) List(ctx context.Context, namespace string, _ kube.Page) (kube.List, error) {
	return listed(s.objects(ctx, namespace))
}

// Watch implements kube.Store.
func (s *store[M]) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	return look(ctx, func(ctx context.Context) ([]kube.Object, error) { return s.objects(ctx, namespace) }, kube.Gone(namespace, name), after, told)
}
