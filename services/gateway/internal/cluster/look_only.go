package cluster

import (
	"context"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// looked is a resource that is only looked at.
type looked struct {
	get  func(ctx context.Context, namespace, name string) (kube.Object, error)
	list func(ctx context.Context, namespace string) ([]kube.Object, error)
}

// refusal is said to who would change what is only looked at.
const refusal = "this is a view of what kfmesh has, and is not changed here"

// Create implements kube.Store.
func (looked) Create(context.Context, string, []byte, kube.Options) (kube.Object, []string, error) {
	return nil, nil, fault.New(fault.Denied, refusal)
}

// Update implements kube.Store.
func (looked) Update(context.Context, string, string, []byte, kube.Options) (kube.Object, []string, error) {
	return nil, nil, fault.New(fault.Denied, refusal)
}

// Delete implements kube.Store.
func (looked) Delete(context.Context, string, string, kube.Options) error {
	return fault.New(fault.Denied, refusal)
}

// Get implements kube.Store.
func (l looked) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	return l.get(ctx, namespace, name)
}

// List implements kube.Store. All come as one page.
func (l looked) List(ctx context.Context, namespace string, _ kube.Page) (kube.List, error) {
	return listed(l.list(ctx, namespace))
}

// Watch implements kube.Store.
func (l looked) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	return look(ctx, func(ctx context.Context) ([]kube.Object, error) { return l.list(ctx, namespace) }, kube.Gone(namespace, name), after, told)
}
