package trainingjob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strconv"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Runtimes are the resources of training runtimes: those of all, and those of a namespace.
func Runtimes(client trainingv1.TrainingRuntimeServiceClient, jobs trainingv1.TrainingServiceClient) []kube.Resource {
	described := func(kind string) func(context.Context) (*kube.Schema, error) {
		return schema(jobs, trainerGroup+"/"+trainerVersion, kind, "What TrainJobs are made of.")
	}
	return []kube.Resource{
		{
			Group: trainerGroup, Version: trainerVersion, Plural: "clustertrainingruntimes", Singular: "clustertrainingruntime",
			Kind: "ClusterTrainingRuntime", Cluster: true,
			Store: &runtimes{client: client, scope: trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER}, Schema: described("ClusterTrainingRuntime"),
		},
		{
			Group: trainerGroup, Version: trainerVersion, Plural: "trainingruntimes", Singular: "trainingruntime", Kind: "TrainingRuntime",
			Store: &runtimes{client: client}, Schema: described("TrainingRuntime"),
		},
	}
}

// runtimes are those of one scope.
type runtimes struct {
	client trainingv1.TrainingRuntimeServiceClient
	scope  trainingv1.RuntimeScope
}

// Create implements kube.Store.
func (s *runtimes) Create(ctx context.Context, namespace string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	r, err := s.client.CreateTrainingRuntime(ctx, &trainingv1.CreateTrainingRuntimeRequest{
		Namespace: namespace, Manifest: string(manifest), DryRun: o.DryRun,
	})
	return shownRuntime(r, err)
}

// Get implements kube.Store.
func (s *runtimes) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	r, err := s.client.GetTrainingRuntime(ctx, &trainingv1.GetTrainingRuntimeRequest{Namespace: namespace, Name: name})
	object, _, err := shownRuntime(r, err)
	return object, err
}

// List implements kube.Store. There are few, so they come as one page.
func (s *runtimes) List(ctx context.Context, namespace string, _ kube.Page) (kube.List, error) {
	listed, err := s.client.ListTrainingRuntimes(ctx, &trainingv1.ListTrainingRuntimesRequest{Namespace: namespace, Scope: s.scope})
	if err != nil {
		return kube.List{}, err
	}
	out := kube.List{Revision: listed.GetRevision()}
	for _, r := range listed.GetRuntimes() {
		object, err := runtimeObject(r)
		if err != nil {
			return kube.List{}, err
		}
		out.Items = append(out.Items, object)
	}
	return out, nil
}

// Update implements kube.Store.
func (s *runtimes) Update(ctx context.Context, namespace, name string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	r, err := s.client.UpdateTrainingRuntime(ctx, &trainingv1.UpdateTrainingRuntimeRequest{
		Namespace: namespace, Name: name, Manifest: string(manifest), ResourceVersion: o.Revision, DryRun: o.DryRun,
	})
	return shownRuntime(r, err)
}

// Delete implements kube.Store.
func (s *runtimes) Delete(ctx context.Context, namespace, name string, o kube.Options) error {
	_, err := s.client.DeleteTrainingRuntime(ctx, &trainingv1.DeleteTrainingRuntimeRequest{
		Namespace: namespace, Name: name, Uid: o.UID, ResourceVersion: o.Revision,
	})
	return err
}

// runtimeTypes are those of changes.
var runtimeTypes = map[trainingv1.TrainingRuntimeEvent_Type]string{
	trainingv1.TrainingRuntimeEvent_TYPE_CREATED: "ADDED",
	trainingv1.TrainingRuntimeEvent_TYPE_UPDATED: "MODIFIED",
	trainingv1.TrainingRuntimeEvent_TYPE_DELETED: "DELETED",
	trainingv1.TrainingRuntimeEvent_TYPE_SYNCED:  "BOOKMARK",
}

// Watch implements kube.Store.
func (s *runtimes) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.client.WatchTrainingRuntimes(ctx, &trainingv1.WatchTrainingRuntimesRequest{
		Namespace: namespace, Scope: s.scope, Name: name, AfterRevision: after,
	})
	if err != nil {
		return err
	}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		change := kube.Change{Type: runtimeTypes[event.GetType()], Revision: event.GetRevision()}
		if r := event.GetRuntime(); r != nil {
			if change.Object, err = runtimeObject(r); err != nil {
				return err
			}
		}
		if err := told(change); err != nil {
			return err
		}
	}
}

func shownRuntime(r *trainingv1.TrainingRuntime, err error) (kube.Object, []string, error) {
	if err != nil {
		return nil, nil, err
	}
	object, err := runtimeObject(r)
	return object, r.GetWarnings(), err
}

// runtimeObject is a runtime as an object.
func runtimeObject(r *trainingv1.TrainingRuntime) (kube.Object, error) {
	object := kube.Object{}
	decoder := json.NewDecoder(bytes.NewReader([]byte(r.GetManifest())))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fault.Internalf(err, "the stored manifest of %s cannot be read", r.GetMetadata().GetName())
	}
	m := r.GetMetadata()
	meta, _ := object["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	kube.SetManagedFields(meta, m.GetManagedFields())
	maps.Copy(meta, map[string]any{
		"name": m.GetName(), "uid": m.GetUid(), "generation": m.GetGeneration(), "resourceVersion": strconv.FormatInt(m.GetResourceVersion(), 10),
	})
	if m.GetNamespace() != "" {
		meta["namespace"] = m.GetNamespace()
	}
	if m.GetCreateTime() != nil {
		meta["creationTimestamp"] = moment(m.GetCreateTime())
	}
	return object, nil
}
