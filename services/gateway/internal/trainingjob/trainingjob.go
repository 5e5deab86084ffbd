// Package trainingjob shows training jobs as the objects that Kubeflow's operators
// make of them: one resource a kind.
package trainingjob

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

const group = "kubeflow.org"

// Resources are the kinds of training jobs.
func Resources(jobs trainingv1.TrainingServiceClient) []kube.Resource {
	var all []kube.Resource
	for _, kind := range []string{"TFJob", "PyTorchJob", "MPIJob", "XGBoostJob", "PaddleJob", "JAXJob", "MXJob"} {
		all = append(all, resource(jobs, "v1", kind))
	}
	return append(all, resource(jobs, "v2beta1", "MPIJob"), trainJob(jobs))
}

func resource(jobs trainingv1.TrainingServiceClient, version, kind string) kube.Resource {
	singular := strings.ToLower(kind)
	return kube.Resource{
		Group: group, Version: version, Plural: singular + "s", Singular: singular, Kind: kind, Also: alias[kind],
		Store:   &store{jobs: jobs, version: group + "/" + version, kind: kind},
		Columns: columns(version, kind),
		Scale:   scale(version, kind),
		Schema:  schema(jobs, group+"/"+version, kind, "A training job: replicas that work together."),
	}
}

// alias are other names that manifests have for kinds.
var alias = map[string][]string{"MXJob": {"MXNetJob"}}

// specs are the fields with the replicas of each type, by kind.
var specs = map[string]string{
	"TFJob": "tfReplicaSpecs", "PyTorchJob": "pytorchReplicaSpecs", "MPIJob": "mpiReplicaSpecs", "XGBoostJob": "xgbReplicaSpecs",
	"PaddleJob": "paddleReplicaSpecs", "JAXJob": "jaxReplicaSpecs", "MXJob": "mxReplicaSpecs",
}

// scale is the number of workers. Upstream has it of PyTorchJob and PaddleJob alone.
func scale(version, kind string) *kube.Scale {
	if version != "v1" {
		return nil
	}
	return &kube.Scale{
		Replicas: []string{"spec", specs[kind], "Worker", "replicas"},
		Active:   []string{"status", "replicaStatuses", "Worker", "active"},
		Selector: func(o kube.Object) string {
			return fmt.Sprintf("training.kubeflow.org/job-name=%v,training.kubeflow.org/replica-type=worker", kube.Path(o, "metadata", "name"))
		},
		None: "the job has no workers, whose number it would be",
	}
}

// columns are those that upstream's definitions of the kinds print.
func columns(version, kind string) []kube.Column {
	switch {
	case version == "v2beta1":
		return nil
	case kind == "MPIJob":
		return []kube.Column{kube.Age(), kube.LastCondition()}
	}
	return []kube.Column{kube.LastCondition(), kube.Age()}
}

// store is the jobs of one kind in one version.
type store struct {
	jobs    trainingv1.TrainingServiceClient
	version string
	kind    string
}

// Create implements kube.Store.
func (s *store) Create(ctx context.Context, namespace string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	job, err := s.jobs.CreateTrainingJob(ctx, &trainingv1.CreateTrainingJobRequest{
		Namespace: namespace, Manifest: string(manifest), DryRun: o.DryRun,
	})
	if err != nil {
		return nil, nil, err
	}
	object, err := Object(job)
	return object, job.GetWarnings(), err
}

// Get implements kube.Store.
func (s *store) Get(ctx context.Context, namespace, name string) (kube.Object, error) {
	job, err := s.jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: namespace, Kind: s.kind, Name: name})
	if err != nil {
		return nil, err
	}
	if job.GetApiVersion() != s.version {
		return nil, fault.NotFoundf("%s %q is of version %s", s.kind, name, job.GetApiVersion())
	}
	return Object(job)
}

// List implements kube.Store.
func (s *store) List(ctx context.Context, namespace string, page kube.Page) (kube.List, error) {
	listed, err := s.jobs.ListTrainingJobs(ctx, &trainingv1.ListTrainingJobsRequest{
		Namespace: namespace, Kind: s.kind, PageSize: page.Limit, PageToken: page.Continue,
	})
	if err != nil {
		return kube.List{}, err
	}
	out := kube.List{Continue: listed.GetNextPageToken(), Revision: listed.GetRevision()}
	for _, job := range listed.GetJobs() {
		if job.GetApiVersion() != s.version {
			continue
		}
		object, err := Object(job)
		if err != nil {
			return kube.List{}, err
		}
		out.Items = append(out.Items, object)
	}
	return out, nil
}

// Update implements kube.Store.
func (s *store) Update(ctx context.Context, namespace, name string, manifest []byte, o kube.Options) (kube.Object, []string, error) {
	job, err := s.jobs.UpdateTrainingJob(ctx, &trainingv1.UpdateTrainingJobRequest{
		Namespace: namespace, Name: name, Manifest: string(manifest), ResourceVersion: o.Revision, DryRun: o.DryRun,
	})
	if err != nil {
		return nil, nil, err
	}
	object, err := Object(job)
	return object, job.GetWarnings(), err
}

// Delete implements kube.Store.
func (s *store) Delete(ctx context.Context, namespace, name string, o kube.Options) error {
	_, err := s.jobs.DeleteTrainingJob(ctx, &trainingv1.DeleteTrainingJobRequest{
		Namespace: namespace, Kind: s.kind, Name: name, Uid: o.UID, ResourceVersion: o.Revision,
	})
	return err
}

// types are those of changes.
var types = map[trainingv1.TrainingJobEvent_Type]string{
	trainingv1.TrainingJobEvent_TYPE_CREATED: "ADDED",
	trainingv1.TrainingJobEvent_TYPE_UPDATED: "MODIFIED",
	trainingv1.TrainingJobEvent_TYPE_DELETED: "DELETED",
	trainingv1.TrainingJobEvent_TYPE_SYNCED:  "BOOKMARK",
}

// Watch implements kube.Store.
func (s *store) Watch(ctx context.Context, namespace, name string, after int64, told func(kube.Change) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream, err := s.jobs.WatchTrainingJobs(ctx, &trainingv1.WatchTrainingJobsRequest{
		Namespace: namespace, Kind: s.kind, Name: name, AfterRevision: after,
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
		change := kube.Change{Type: types[event.GetType()], Revision: event.GetRevision()}
		if job := event.GetJob(); job != nil {
			if job.GetApiVersion() != s.version {
				continue
			}
			if change.Object, err = Object(job); err != nil {
				return err
			}
		}
		if err := told(change); err != nil {
			return err
		}
	}
}

// Object is a job as an object.
func Object(job *trainingv1.TrainingJob) (kube.Object, error) {
	object := kube.Object{}
	decoder := json.NewDecoder(bytes.NewReader([]byte(job.GetManifest())))
	decoder.UseNumber()
	if err := decoder.Decode(&object); err != nil {
		return nil, fault.Internalf(err, "the stored manifest of %s cannot be read", job.GetMetadata().GetName())
	}
	m := job.GetMetadata()
	meta, _ := object["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		object["metadata"] = meta
	}
	kube.SetManagedFields(meta, m.GetManagedFields())
	maps.Copy(meta, map[string]any{
		"name": m.GetName(), "namespace": m.GetNamespace(), "uid": m.GetUid(), "generation": m.GetGeneration(),
		"resourceVersion": strconv.FormatInt(m.GetResourceVersion(), 10), "creationTimestamp": moment(m.GetCreateTime()),
	})
	if job.GetKind() == trainJobKind {
		object["status"] = trainJobStatus(job)
	} else {
		object["status"] = status(job.GetStatus())
	}
	return object, nil
}

func moment(t *timestamppb.Timestamp) any {
	if t == nil {
		return nil
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05Z")
}

func status(s *trainingv1.TrainingJobStatus) map[string]any {
	conditions := []any{}
	for _, c := range s.GetConditions() {
		holds := "False"
		if c.GetStatus() {
			holds = "True"
		}
		conditions = append(conditions, map[string]any{
			"type": c.GetType(), "status": holds, "reason": c.GetReason(), "message": c.GetMessage(),
			"lastUpdateTime": moment(c.GetLastUpdateTime()), "lastTransitionTime": moment(c.GetLastTransitionTime()),
		})
	}
	replicas := map[string]any{}
	for name, counts := range s.GetReplicaStatuses() {
		shown := map[string]any{}
		for count, n := range map[string]int32{"active": counts.GetActive(), "succeeded": counts.GetSucceeded(), "failed": counts.GetFailed()} {
			if n > 0 {
				shown[count] = n
			}
		}
		replicas[name] = shown
	}
	out := map[string]any{"conditions": conditions, "replicaStatuses": replicas}
	for name, t := range map[string]*timestamppb.Timestamp{"startTime": s.GetStartTime(), "completionTime": s.GetCompletionTime()} {
		if t != nil {
			out[name] = moment(t)
		}
	}
	return out
}
