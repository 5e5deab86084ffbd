package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"golang.org/x/sync/errgroup"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// defaultNamespace is there with nothing in it.
const defaultNamespace = "default"

func namespaces(d Deps) kube.Resource {
	return kube.Resource{
		Version: "v1", Plural: "namespaces", Singular: "namespace", Kind: "Namespace", Short: []string{"ns"}, Cluster: true, Plain: true,
		Store: &namespaceStore{d}, Message: kube.Message{1: kube.MetadataField()},
		Columns: []kube.Column{
			{Name: "Status", Type: "string", Value: func(o kube.Object) any { return kube.Path(o, "status", "phase") }}, kube.Age(),
		},
	}
}

// namespaceStore is the namespaces that something is in. They are not kept: to make one is
// to put something into it.
type namespaceStore struct{ Deps }

// namespace is a namespace as an object. The annotation says of it what kubectl apply would
// have: otherwise that would find every one changed.
func namespace(name string) kube.Object {
	applied := fmt.Sprintf(`{"apiVersion":"v1","kind":"Namespace","metadata":{"annotations":{},"name":%q}}`+"\n", name)
	return kube.Object{
		"apiVersion": "v1", "kind": "Namespace",
		"metadata": map[string]any{
			"name": name, "uid": "namespace-" + name, "resourceVersion": "1",
			"labels":      map[string]any{"kubernetes.io/metadata.name": name},
			"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": applied},
		},
		"spec": map[string]any{"finalizers": []any{"kubernetes"}}, "status": map[string]any{"phase": "Active"},
	}
}

// used are the namespaces that something is in, with how much that is.
func (s *namespaceStore) used(ctx context.Context) (map[string]int, error) {
	group, ctx := errgroup.WithContext(ctx)
	found := make(chan *metav1.ObjectMeta)
	group.Go(func() error {
		all, err := s.Jobs.ListTrainingJobs(ctx, &trainingv1.ListTrainingJobsRequest{})
		return send(ctx, found, all.GetJobs(), err)
	})
	group.Go(func() error {
		all, err := s.ConfigMaps.ListConfigMaps(ctx, &gpuagentv1.ListConfigMapsRequest{})
		return send(ctx, found, all.GetConfigMaps(), err)
	})
	group.Go(func() error {
		all, err := s.Secrets.ListSecrets(ctx, &gpuagentv1.ListSecretsRequest{})
		return send(ctx, found, all.GetSecrets(), err)
	})
	group.Go(func() error {
		all, err := s.Volumes.ListVolumes(ctx, &gpuagentv1.ListVolumesRequest{})
		return send(ctx, found, all.GetVolumes(), err)
	})
	done := make(chan error, 1)
	go func() {
		done <- group.Wait()
		close(found)
	}()
	counts := map[string]int{defaultNamespace: 0}
	for m := range found {
		counts[m.GetNamespace()]++
	}
	return counts, <-done
}

// send passes on the metadata of what was listed.
func send[M message](ctx context.Context, to chan<- *metav1.ObjectMeta, all []M, err error) error {
	for _, m := range all {
		select {
		case to <- m.GetMetadata():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// form is what namespaces may be called.
var form = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)

// read reads a namespace, and warns of what of it is not kept.
func read(manifest []byte) (kube.Object, []string, error) {
	var from struct {
		Metadata struct {
			Name        string            `json:"name"`
			Labels      map[string]string `json:"labels"`
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(manifest, &from); err != nil {
		return nil, nil, fault.Invalidf("", "Namespace cannot be read: %v", err)
	}
	name := from.Metadata.Name
	if !form.MatchString(name) {
		return nil, nil, fault.Invalidf("metadata.name", "Invalid value: %q: must be at most 63 lower-case letters, digits and '-', with a letter or digit at both ends", name)
	}
	labels, annotations := maps.Clone(from.Metadata.Labels), maps.Clone(from.Metadata.Annotations)
	delete(labels, "kubernetes.io/metadata.name")
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	var warnings []string
	if len(labels)+len(annotations) > 0 {
		warnings = append(warnings, "labels and annotations of namespaces are not kept: a namespace is there once something is in it")
	}
	return namespace(name), warnings, nil
}

// Create implements kube.Store: nothing is to be done.
func (s *namespaceStore) Create(ctx context.Context, _ string, manifest []byte, _ kube.Options) (kube.Object, []string, error) {
	object, warnings, err := read(manifest)
	if err != nil {
		return nil, nil, err
	}
	if _, err := s.Get(ctx, "", textOf(object, "name")); err == nil {
		return nil, nil, fault.AlreadyExistsf("namespace %s exists already", textOf(object, "name"))
	}
	return object, warnings, nil
}

// Get implements kube.Store.
func (s *namespaceStore) Get(ctx context.Context, _, name string) (kube.Object, error) {
	counts, err := s.used(ctx)
	if err != nil {
		return nil, err
	}
	if _, there := counts[name]; !there {
		return nil, fault.NotFoundf("nothing is in namespace %s", name)
	}
	return namespace(name), nil
}

func (s *namespaceStore) objects(ctx context.Context) ([]kube.Object, error) {
	counts, err := s.used(ctx)
	if err != nil {
		return nil, err
	}
	var all []kube.Object
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		all = append(all, namespace(name))
	}
	return all, nil
}

// List implements kube.Store.
func (s *namespaceStore) List(ctx context.Context, _ string, _ kube.Page) (kube.List, error) {
	return listed(s.objects(ctx))
}

// Update implements kube.Store: nothing of a namespace is kept.
func (s *namespaceStore) Update(_ context.Context, _, _ string, manifest []byte, _ kube.Options) (kube.Object, []string, error) {
	return read(manifest)
}

// Delete implements kube.Store: a namespace goes with the last that is in it.
func (s *namespaceStore) Delete(ctx context.Context, _, name string, _ kube.Options) error {
	counts, err := s.used(ctx)
	if err != nil {
		return err
	}
	if n := counts[name]; n > 0 {
		return fault.Preconditionf("namespace %s is there as long as something is in it: delete its %d jobs, config maps, secrets and volumes first", name, n)
	}
	if name == defaultNamespace {
		return fault.New(fault.Denied, "namespace %s is always there", name)
	}
	return fault.NotFoundf("nothing is in namespace %s", name)
}

// Watch implements kube.Store.
func (s *namespaceStore) Watch(ctx context.Context, _, name string, after int64, told func(kube.Change) error) error {
	return look(ctx, s.objects, kube.Gone("", name), after, told)
}
