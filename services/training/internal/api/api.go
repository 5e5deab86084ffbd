// Package api is the training service's gRPC face, TrainingService and
// TrainingRuntimeService.
//
// Handlers read the store itself, never a cache, so that a caller sees what it wrote.
// A job is one value, and every change of it a compare-and-swap. The engine hears of
// new, changed and deleted jobs by watching their keys. Handlers are safe for
// concurrent use and start no goroutine that outlives its call.
package api

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// Register adds the services to a server.
func Register(server grpc.ServiceRegistrar, s *state.State, a *archive.Archive) {
	r := &runtimes{state: s, stock: trainjob.Stock()}
	trainingv1.RegisterTrainingServiceServer(server, &jobs{state: s, archive: a, runtimes: r})
	trainingv1.RegisterTrainingRuntimeServiceServer(server, r)
}

// jobs implements TrainingService.
type jobs struct {
	trainingv1.UnimplementedTrainingServiceServer
	state    *state.State
	archive  *archive.Archive
	runtimes *runtimes
}

// read reads the manifest of a request, which is to be of a namespace. A TrainJob is made
// of a runtime that is found.
func read(manifest, namespace string, find trainjob.Finder) (*trainjob.Job, error) {
	if len(manifest) > state.MaxManifestBytes {
		return nil, fault.Exhaustedf("the manifest has %d bytes; the most it may have is %d: mount what is large from a config map or volume",
			len(manifest), state.MaxManifestBytes).WithReason("MANIFEST_TOO_LARGE")
	}
	job, err := parse([]byte(manifest), namespace, find)
	if err != nil {
		return nil, err
	}
	switch {
	case job.Namespace == "" && namespace == "":
		job.Namespace = state.DefaultNamespace
	case job.Namespace == "":
		job.Namespace = namespace
	case namespace != "" && job.Namespace != namespace:
		return nil, fault.Invalidf("metadata.namespace", "the namespace of the provided object does not match the namespace sent on the request: %q and %q",
			job.Namespace, namespace)
	}
	return job, checkNamespace(job.Namespace)
}

// checkNamespace refuses what is no name of a namespace. It is part of the names of hosts, of
// keys and of paths.
func checkNamespace(namespace string) error {
	var problems []fault.Violation
	for _, wrong := range field.Label(namespace) {
		problems = append(problems, fault.Violation{Field: "metadata.namespace", Reason: fmt.Sprintf("Invalid value: %q: %s", namespace, wrong)})
	}
	if len(problems) > 0 {
		return fault.InvalidAll(problems)
	}
	return nil
}

func parse(manifest []byte, namespace string, find trainjob.Finder) (*trainjob.Job, error) {
	if trainjob.Is(manifest) {
		if namespace == "" {
			namespace = state.DefaultNamespace
		}
		return trainjob.Parse(manifest, namespace, find)
	}
	job, err := kind.Parse(manifest)
	return &trainjob.Job{Job: job}, err
}

// take makes a job what a manifest says.
func take(to *trainingv1.TrainingJob, from *trainjob.Job) {
	to.ApiVersion, to.Kind, to.Manifest = from.Kind.Version, from.Kind.Name, from.Manifest
	to.Spec, to.Warnings = from.Spec(), from.Warnings
	to.Metadata.Labels, to.Metadata.Annotations = from.Labels, from.Annotations
	if from.ManagedFields != "" { // who does not come through Kubernetes' API has nothing to say of it
		to.Metadata.ManagedFields = from.ManagedFields
	}
	to.Runtime = from.Runtime
}

// CreateTrainingJob implements TrainingService.
func (s *jobs) CreateTrainingJob(ctx context.Context, r *trainingv1.CreateTrainingJobRequest) (*trainingv1.TrainingJob, error) {
	read, err := read(r.GetManifest(), r.GetNamespace(), s.runtimes.find(ctx))
	if err != nil {
		return nil, err
	}
	if read.Name == "" {
		read.Name = read.GenerateName + random()
	}
	now := time.Now()
	job := &trainingv1.TrainingJob{Metadata: &metav1.ObjectMeta{
		Namespace: read.Namespace, Name: read.Name, Uid: uuid.NewString(), Generation: 1,
		CreateTime: timestamppb.New(now), UpdateTime: timestamppb.New(now),
	}}
	take(job, read)
	job.Status = lifecycle.Next(job, nil, now).Status
	key := state.KeyOf(job)
	if r.GetDryRun() {
		if _, err := s.state.Jobs.Get(ctx, key); !fault.Is(err, fault.NotFound) {
			return nil, orExists(err, job)
		}
		return job, nil
	}
	revision, err := s.state.Jobs.Create(ctx, key, job)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, orExists(nil, job)
	}
	if err != nil {
		return nil, err
	}
	job.Metadata.ResourceVersion = revision
	return job, nil
}

// orExists is an error, or when there is none, that there is such a job.
func orExists(err error, job *trainingv1.TrainingJob) error {
	if err != nil {
		return err
	}
	return fault.AlreadyExistsf("%s %q exists already in namespace %s", job.GetKind(), job.GetMetadata().GetName(), job.GetMetadata().GetNamespace()).
		WithReason("JOB_EXISTS")
}

// alphabet is that of generated names: Kubernetes', in which no words can be written.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

func random() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // it never fails
	for i := range b {
		b[i] = alphabet[int(b[i])%len(alphabet)]
	}
	return string(b[:])
}

// get reads a job, from the archive if it is there. Its revision is that of what the store has
// of it.
func (s *jobs) get(ctx context.Context, namespace, name, job string) (store.Item[*trainingv1.TrainingJob], error) {
	item, err := s.stored(ctx, namespace, name, job)
	if err != nil || !item.Value.GetArchived() {
		return item, err
	}
	m, kind := item.Value.GetMetadata(), item.Value.GetKind()
	full, err := s.archive.Fill(ctx, []*trainingv1.TrainingJob{item.Value})
	if err == nil && len(full) == 0 {
		err = state.ErrNotFound(m.GetNamespace(), kind, m.GetName())
	}
	if err != nil {
		return item, err
	}
	item.Value = full[0]
	return item, nil
}

// shown is the revision of a job as people know it.
func shown(item store.Item[*trainingv1.TrainingJob]) int64 {
	if item.Value.GetArchived() {
		return item.Value.GetMetadata().GetResourceVersion()
	}
	return item.Revision
}

// stored reads what the store has of a job.
func (s *jobs) stored(ctx context.Context, namespace, name, job string) (store.Item[*trainingv1.TrainingJob], error) {
	if namespace == "" {
		namespace = state.DefaultNamespace
	}
	name = kind.Canonical(name)
	item, err := s.state.Jobs.Get(ctx, state.Key(namespace, name, job))
	if fault.Is(err, fault.NotFound) {
		return item, state.ErrNotFound(namespace, name, job)
	}
	return item, err
}

// GetTrainingJob implements TrainingService.
func (s *jobs) GetTrainingJob(ctx context.Context, r *trainingv1.GetTrainingJobRequest) (*trainingv1.TrainingJob, error) {
	item, err := s.get(ctx, r.GetNamespace(), r.GetKind(), r.GetName())
	if err != nil {
		return nil, err
	}
	return state.Stamped(item), nil
}

// UpdateTrainingJob implements TrainingService.
func (s *jobs) UpdateTrainingJob(ctx context.Context, r *trainingv1.UpdateTrainingJobRequest) (*trainingv1.TrainingJob, error) {
	read, err := s.readUpdate(ctx, r)
	if err != nil {
		return nil, err
	}
	for {
		item, err := s.get(ctx, read.Namespace, read.Kind.Name, read.Name)
		if err != nil {
			return nil, err
		}
		if v := r.GetResourceVersion(); v != 0 && v != shown(item) {
			return nil, errModified(item.Value)
		}
		check := kind.CheckChange
		if read.Kind.Name == kind.TrainJobName {
			check = trainjob.CheckChange
		}
		if err := check(item.Value.GetManifest(), read.Manifest); err != nil {
			return nil, err
		}
		job := proto.CloneOf(item.Value)
		take(job, read)
		if proto.Equal(job, item.Value) || r.GetDryRun() {
			item.Value = job
			return state.Stamped(item), nil
		}
		if !proto.Equal(job.GetSpec(), item.Value.GetSpec()) || !sameSpec(job.GetManifest(), item.Value.GetManifest()) {
			job.Metadata.Generation++
		}
		job.Metadata.UpdateTime = timestamppb.Now()
		job.Archived, job.TrackingRun = false, "" // it comes back, and goes again
		revision, err := s.state.Jobs.Update(ctx, item.Key, job, item.Revision)
		if err == nil {
			job.Metadata.ResourceVersion = revision
			return job, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
	}
}

// sameSpec reports whether manifests that were read say the same but in their metadata, which
// no generation counts.
func sameSpec(one, other string) bool {
	var a, b struct {
		Spec json.RawMessage `json:"spec"`
	}
	return json.Unmarshal([]byte(one), &a) == nil && json.Unmarshal([]byte(other), &b) == nil && bytes.Equal(a.Spec, b.Spec)
}

// readUpdate reads what a job is to become. A TrainJob keeps the runtime it was made of.
func (s *jobs) readUpdate(ctx context.Context, r *trainingv1.UpdateTrainingJobRequest) (*trainjob.Job, error) {
	find := s.runtimes.find(ctx)
	if trainjob.Is([]byte(r.GetManifest())) {
		was, err := s.get(ctx, r.GetNamespace(), kind.TrainJobName, r.GetName())
		if err != nil {
			return nil, err
		}
		find = trainjob.Kept(was.Value.GetRuntime())
	}
	job, err := read(r.GetManifest(), r.GetNamespace(), find)
	if err != nil {
		return nil, err
	}
	if job.Name != r.GetName() {
		return nil, fault.Invalidf("metadata.name", "the name of the object (%s) does not match the name on the request (%s)", job.Name, r.GetName())
	}
	return job, nil
}

func errModified(job *trainingv1.TrainingJob) error {
	return fault.Conflictf("the object has been modified; please apply your changes to the latest version and try again: %s %q",
		job.GetKind(), job.GetMetadata().GetName()).WithReason("JOB_MODIFIED")
}

// DeleteTrainingJob implements TrainingService. What is in the archive of a job goes later: the
// store alone has to be there.
func (s *jobs) DeleteTrainingJob(ctx context.Context, r *trainingv1.DeleteTrainingJobRequest) (*emptypb.Empty, error) {
	for {
		item, err := s.stored(ctx, r.GetNamespace(), r.GetKind(), r.GetName())
		if err != nil {
			return nil, err
		}
		if uid := r.GetUid(); uid != "" && uid != item.Value.GetMetadata().GetUid() {
			return nil, fault.Conflictf("the uid in the precondition, %s, is not that of the job, %s", uid, item.Value.GetMetadata().GetUid())
		}
		if v := r.GetResourceVersion(); v != 0 && v != shown(item) {
			return nil, errModified(item.Value)
		}
		_, err = s.state.Backend.Commit(ctx, s.state.Removal(item)...)
		if !fault.Is(err, fault.Conflict) {
			return &emptypb.Empty{}, err
		}
	}
}
