package engine

import (
	"bytes"
	"context"
	"fmt"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/attach"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/field"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Reasons of what a replica refers to and is not there, as Kubernetes spells them.
const (
	reasonConfig = "CreateContainerConfigError"
	reasonMount  = "FailedMount"
)

// values looks up what a replica that is about to start refers to. Each secret and
// config map is looked up once, so that all that is taken of one is of one time.
// Nothing of it is kept.
type values struct {
	replica   *replica
	namespace string
	found     map[string]map[string][]byte // by kind and name; nil until something is looked up
}

func (r *replica) values() *values {
	return &values{replica: r, namespace: r.workload.GetMetadata().GetNamespace()}
}

// Secret implements attach.Sources.
func (v *values) Secret(ctx context.Context, name string, optional bool) (map[string][]byte, error) {
	return v.lookUp(ctx, "secret", name, optional, v.replica.revealSecret)
}

// ConfigMap implements attach.Sources.
func (v *values) ConfigMap(ctx context.Context, name string, optional bool) (map[string][]byte, error) {
	return v.lookUp(ctx, "config map", name, optional, v.replica.life.engine.ConfigMaps.Values)
}

// Claim implements attach.Sources.
func (v *values) Claim(ctx context.Context, name string) (dir string, err error) {
	err = outlast(ctx, func() error {
		dir, err = v.replica.life.engine.Volumes.Open(ctx, v.namespace, name)
		return err
	})
	return dir, err
}

// Warn implements attach.Sources.
func (v *values) Warn(sentence string) { v.replica.Warn(sentence) }

func (v *values) lookUp(ctx context.Context, kind, name string, optional bool,
	read func(ctx context.Context, namespace, name string) (map[string][]byte, error),
) (found map[string][]byte, err error) {
	key := kind + "/" + name
	if found, ok := v.found[key]; ok {
		return found, nil
	}
	err = outlast(ctx, func() error {
		found, err = read(ctx, v.namespace, name)
		return err
	})
	switch {
	case fault.Is(err, fault.NotFound) && optional:
		return nil, nil
	case fault.Is(err, fault.NotFound):
		return nil, fault.NotFoundf("%s %q does not exist in namespace %s", kind, name, v.namespace)
	case err != nil:
		return nil, fmt.Errorf("%s %q of namespace %s: %w", kind, name, v.namespace, err)
	}
	if v.found == nil {
		v.found = map[string]map[string][]byte{}
	}
	v.found[key] = found
	return found, nil
}

// outlast tries until something that is needed can be reached again: that a store
// or a key service is away says nothing about the replica.
func outlast(ctx context.Context, try func() error) error {
	for {
		err := try()
		if !fault.Is(err, fault.Unavailable) {
			return err
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// env returns the value of a variable that comes from elsewhere, and false when it
// is to be left out.
func (v *values) env(ctx context.Context, e *gpuagentv1.EnvVar) (value string, ok bool, err error) {
	switch source := e.GetValueFrom().GetSource().(type) {
	case *gpuagentv1.ValueSource_Secret:
		found, err := v.Secret(ctx, source.Secret.GetName(), source.Secret.GetOptional())
		return v.pick(found, err, "secret", source.Secret)
	case *gpuagentv1.ValueSource_ConfigMap:
		found, err := v.ConfigMap(ctx, source.ConfigMap.GetName(), source.ConfigMap.GetOptional())
		return v.pick(found, err, "config map", source.ConfigMap)
	case *gpuagentv1.ValueSource_FieldPath:
		path, err := field.Parse(source.FieldPath)
		if err != nil {
			return "", false, err
		}
		return path.Of(v.replica.described()), true, nil
	}
	return "", false, nil
}

func (v *values) pick(found map[string][]byte, err error, kind string, want *gpuagentv1.KeySelector) (string, bool, error) {
	if err != nil {
		return "", false, fmt.Errorf("wants key %q: %w", want.GetKey(), err)
	}
	value, ok := found[want.GetKey()]
	switch {
	case !ok && want.GetOptional():
		return "", false, nil
	case !ok:
		return "", false, fault.NotFoundf("%s %q of namespace %s has no key %q; it has %s",
			kind, want.GetName(), v.namespace, want.GetKey(), attach.Keys(found))
	case bytes.IndexByte(value, 0) >= 0:
		return "", false, fault.Preconditionf("key %q of %s %q holds a NUL byte, which no environment can: mount it as a file",
			want.GetKey(), kind, want.GetName())
	}
	return string(value), true, nil
}

// described is what field paths say of the replica. One that is alone has the name
// of its workload.
func (r *replica) described() field.Replica {
	w := r.workload
	m, name := w.GetMetadata(), w.GetMetadata().GetName()
	if len(w.GetStatus().GetReplicas()) > 1 {
		name += "-" + replicaName(r.status)
	}
	return field.Replica{
		Name: name, Namespace: m.GetNamespace(), UID: m.GetUid(), Labels: m.GetLabels(), Annotations: m.GetAnnotations(),
		Node: r.life.engine.Node, Host: r.status.GetHost(),
	}
}

func misconfigured(reason string, err error) error {
	return &runtime.Failure{Reason: reason, Err: err}
}
