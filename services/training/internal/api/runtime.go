package api

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// runtimes implements TrainingRuntimeService.
type runtimes struct {
	trainingv1.UnimplementedTrainingRuntimeServiceServer
	state *state.State
	stock map[string]*trainingv1.TrainingRuntime // by name; never changed
}

// find finds runtimes for TrainJobs.
func (s *runtimes) find(ctx context.Context) trainjob.Finder {
	return func(ref trainjob.Ref) (string, error) {
		found, err := s.get(ctx, ref.Namespace, ref.Name)
		return found.GetManifest(), err
	}
}

// get reads a runtime as it is shown.
func (s *runtimes) get(ctx context.Context, namespace, name string) (*trainingv1.TrainingRuntime, error) {
	if built := s.stock[name]; namespace == "" && built != nil {
		return proto.CloneOf(built), nil
	}
	item, err := s.state.Runtimes.Get(ctx, state.RuntimeKey(namespace, name))
	if fault.Is(err, fault.NotFound) {
		return nil, state.ErrNoRuntime(namespace, name)
	}
	if err != nil {
		return nil, err
	}
	return stamped(item), nil
}

// stamped is a runtime with the revision at which it last changed.
func stamped(item store.Item[*trainingv1.TrainingRuntime]) *trainingv1.TrainingRuntime {
	item.Value.Metadata.ResourceVersion = item.Revision
	return item.Value
}

// readRuntime reads the manifest of a request.
func readRuntime(manifest, namespace string) (*trainjob.Runtime, error) {
	if len(manifest) > state.MaxManifestBytes {
		return nil, fault.Exhaustedf("the manifest has %d bytes; the most it may have is %d", len(manifest), state.MaxManifestBytes).
			WithReason("MANIFEST_TOO_LARGE")
	}
	in := namespace
	if in == "" {
		in = state.DefaultNamespace
	}
	read, err := trainjob.ParseRuntime([]byte(manifest), in)
	if err != nil {
		return nil, err
	}
	if ref := read.Ref; ref.Namespace != "" && namespace != "" && ref.Namespace != namespace {
		return nil, fault.Invalidf("metadata.namespace", "the namespace of the provided object does not match the namespace sent on the request: %q and %q",
			ref.Namespace, namespace)
	}
	if read.Ref.Namespace == "" {
		return read, nil
	}
	return read, checkNamespace(read.Ref.Namespace)
}

// CreateTrainingRuntime implements TrainingRuntimeService.
func (s *runtimes) CreateTrainingRuntime(ctx context.Context, r *trainingv1.CreateTrainingRuntimeRequest) (*trainingv1.TrainingRuntime, error) {
	read, err := readRuntime(r.GetManifest(), r.GetNamespace())
	if err != nil {
		return nil, err
	}
	_, err = s.get(ctx, read.Ref.Namespace, read.Ref.Name)
	switch {
	case err == nil:
		return nil, errRuntimeExists(read)
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	now := timestamppb.New(time.Now())
	made := &trainingv1.TrainingRuntime{
		Metadata: &metav1.ObjectMeta{
			Namespace: read.Ref.Namespace, Name: read.Ref.Name, Uid: uuid.NewString(), Generation: 1, CreateTime: now, UpdateTime: now,
		},
	}
	takeRuntime(made, read)
	if r.GetDryRun() {
		return made, nil
	}
	revision, err := s.state.Runtimes.Create(ctx, state.RuntimeKey(read.Ref.Namespace, read.Ref.Name), made)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, errRuntimeExists(read)
	}
	if err != nil {
		return nil, err
	}
	made.Metadata.ResourceVersion = revision
	return made, nil
}

func errRuntimeExists(r *trainjob.Runtime) error {
	return fault.AlreadyExistsf("%s %q exists already", r.Ref.Kind, r.Ref.Name).WithReason("RUNTIME_EXISTS")
}

// takeRuntime makes a runtime what a manifest says.
func takeRuntime(to *trainingv1.TrainingRuntime, from *trainjob.Runtime) {
	to.Kind, to.Manifest, to.Warnings = from.Ref.Kind, from.Manifest, from.Warnings
	to.Metadata.Labels, to.Metadata.Annotations = from.Labels, from.Annotations
	if from.ManagedFields != "" {
		to.Metadata.ManagedFields = from.ManagedFields
	}
}

// GetTrainingRuntime implements TrainingRuntimeService.
func (s *runtimes) GetTrainingRuntime(ctx context.Context, r *trainingv1.GetTrainingRuntimeRequest) (*trainingv1.TrainingRuntime, error) {
	return s.get(ctx, r.GetNamespace(), r.GetName())
}

// UpdateTrainingRuntime implements TrainingRuntimeService.
func (s *runtimes) UpdateTrainingRuntime(ctx context.Context, r *trainingv1.UpdateTrainingRuntimeRequest) (*trainingv1.TrainingRuntime, error) {
	read, err := readRuntime(r.GetManifest(), r.GetNamespace())
	if err != nil {
		return nil, err
	}
	if read.Ref.Name != r.GetName() {
		return nil, fault.Invalidf("metadata.name", "the name of the object (%s) does not match the name on the request (%s)", read.Ref.Name, r.GetName())
	}
	for {
		was, err := s.changeable(ctx, read.Ref.Namespace, read.Ref.Name, "", r.GetResourceVersion())
		if err != nil {
			return nil, err
		}
		if err := trainjob.CheckRuntimeChange(was.GetManifest(), read.Manifest); err != nil {
			return nil, err
		}
		now, revision := proto.CloneOf(was), was.GetMetadata().GetResourceVersion()
		takeRuntime(now, read)
		if proto.Equal(now, was) || r.GetDryRun() {
			return now, nil
		}
		now.Metadata.ResourceVersion = 0
		if !sameSpec(now.GetManifest(), was.GetManifest()) {
			now.Metadata.Generation++
		}
		now.Metadata.UpdateTime = timestamppb.Now()
		revision, err = s.state.Runtimes.Update(ctx, state.RuntimeKey(read.Ref.Namespace, read.Ref.Name), now, revision)
		if err == nil {
			now.Metadata.ResourceVersion = revision
			return now, nil
		}
		if !fault.Is(err, fault.Conflict) {
			return nil, err
		}
	}
}

// changeable reads a runtime that is to be changed, unless it is not as the caller knows
// it or nobody's to change.
func (s *runtimes) changeable(ctx context.Context, namespace, name, uid string, revision int64) (*trainingv1.TrainingRuntime, error) {
	was, err := s.get(ctx, namespace, name)
	switch {
	case err != nil:
		return nil, err
	case was.GetBuiltIn():
		return nil, fault.New(fault.Denied, "ClusterTrainingRuntime %q came with kfmesh and stays as it is: give your own another name", name)
	case uid != "" && uid != was.GetMetadata().GetUid():
		return nil, fault.Conflictf("the uid in the precondition, %s, is not that of the runtime, %s", uid, was.GetMetadata().GetUid())
	case revision != 0 && revision != was.GetMetadata().GetResourceVersion():
		return nil, fault.Conflictf("the object has been modified; please apply your changes to the latest version and try again: %s %q",
			was.GetKind(), name).WithReason("RUNTIME_MODIFIED")
	}
	return was, nil
}

// DeleteTrainingRuntime implements TrainingRuntimeService.
func (s *runtimes) DeleteTrainingRuntime(ctx context.Context, r *trainingv1.DeleteTrainingRuntimeRequest) (*emptypb.Empty, error) {
	for {
		was, err := s.changeable(ctx, r.GetNamespace(), r.GetName(), r.GetUid(), r.GetResourceVersion())
		if err == nil {
			err = s.unused(ctx, was)
		}
		if err != nil {
			return nil, err
		}
		err = s.state.Runtimes.Delete(ctx, state.RuntimeKey(r.GetNamespace(), r.GetName()), was.GetMetadata().GetResourceVersion())
		if !fault.Is(err, fault.Conflict) {
			return &emptypb.Empty{}, err
		}
	}
}

// unused refuses a runtime that a job which has not ended refers to.
func (s *runtimes) unused(ctx context.Context, runtime *trainingv1.TrainingRuntime) error {
	m := runtime.GetMetadata()
	prefix := ""
	if m.GetNamespace() != "" {
		prefix = state.Key(m.GetNamespace(), kind.TrainJobName, "")
	}
	items, _, err := s.state.Jobs.List(ctx, prefix)
	if err != nil {
		return err
	}
	for _, item := range items {
		job := item.Value
		if job.GetKind() != kind.TrainJobName || lifecycle.Ended(job.GetStatus()) {
			continue
		}
		if trainjob.RefOf(job) == (trainjob.Ref{Kind: runtime.GetKind(), Namespace: m.GetNamespace(), Name: m.GetName()}) {
			return fault.Preconditionf("%s %q is used by TrainJob %q in namespace %s, which has not ended: delete that first",
				runtime.GetKind(), m.GetName(), job.GetMetadata().GetName(), job.GetMetadata().GetNamespace()).WithReason("RUNTIME_IN_USE")
		}
	}
	return nil
}
