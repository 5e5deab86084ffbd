package api

import (
	"context"
	"encoding/json"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// WatchTrainingJobs implements TrainingService, on the store's own watch: nothing that
// the store still knows is passed over.
func (s *jobs) WatchTrainingJobs(r *trainingv1.WatchTrainingJobsRequest, stream grpc.ServerStreamingServer[trainingv1.TrainingJobEvent]) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	which := selection{namespace: r.GetNamespace(), kind: kind.Canonical(r.GetKind()), name: r.GetName()}
	after := r.GetAfterRevision()
	if after == 0 {
		var err error
		if after, err = s.sendAll(ctx, which, stream); err != nil {
			return err
		}
	}
	changes, err := s.state.Backend.Watch(ctx, s.state.Jobs.Prefix()+which.prefix(), after)
	if err != nil {
		return err
	}
	for batch := range changes {
		for _, change := range batch {
			event, err := s.eventOf(ctx, change)
			if err != nil {
				return err
			}
			if event == nil || !which.has(event.GetJob()) {
				continue
			}
			if err := stream.Send(event); err != nil {
				return err
			}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return fault.Preconditionf("changes since revision %d are no longer kept: list the jobs and watch from there", after).WithReason("REVISION_EXPIRED")
}

// sendAll sends the jobs as they are and returns the revision at which they were so.
func (s *jobs) sendAll(ctx context.Context, which selection, stream grpc.ServerStreamingServer[trainingv1.TrainingJobEvent]) (int64, error) {
	items, revision, err := s.state.Jobs.List(ctx, which.prefix())
	if err != nil {
		return 0, err
	}
	items = slices.DeleteFunc(items, func(item store.Item[*trainingv1.TrainingJob]) bool { return !which.has(item.Value) })
	jobs, err := s.whole(ctx, items)
	if err != nil {
		return 0, err
	}
	for _, job := range jobs {
		event := &trainingv1.TrainingJobEvent{Type: trainingv1.TrainingJobEvent_TYPE_CREATED, Job: job, Revision: job.GetMetadata().GetResourceVersion()}
		if err := stream.Send(event); err != nil {
			return 0, err
		}
	}
	return revision, stream.Send(&trainingv1.TrainingJobEvent{Type: trainingv1.TrainingJobEvent_TYPE_SYNCED, Revision: revision})
}

// eventOf is a change as it is told; nil when it is not known what was deleted, and when a job
// was only archived.
func (s *jobs) eventOf(ctx context.Context, change store.Change) (*trainingv1.TrainingJobEvent, error) {
	event, value := &trainingv1.TrainingJobEvent{Type: trainingv1.TrainingJobEvent_TYPE_UPDATED, Revision: change.Revision}, change.Value
	switch {
	case change.Deleted && change.Prev == nil:
		return nil, nil
	case change.Deleted:
		event.Type, value = trainingv1.TrainingJobEvent_TYPE_DELETED, change.Prev
	case change.Revision == change.CreateRevision:
		event.Type = trainingv1.TrainingJobEvent_TYPE_CREATED
	}
	event.Job = &trainingv1.TrainingJob{}
	if err := proto.Unmarshal(value, event.GetJob()); err != nil {
		return nil, fault.Internalf(err, "stored value %s cannot be read", change.Key)
	}
	if event.GetJob().GetArchived() {
		if !change.Deleted {
			return nil, nil
		}
		event.Job = s.last(ctx, event.GetJob())
	}
	event.Job.Metadata.ResourceVersion = change.Revision
	return event, nil
}

// last is an archived job as it last was, or as much as is known of it: its record goes soon
// after it.
func (s *jobs) last(ctx context.Context, stub *trainingv1.TrainingJob) *trainingv1.TrainingJob {
	if full, err := s.archive.Fill(ctx, []*trainingv1.TrainingJob{stub}); err == nil && len(full) > 0 {
		return full[0]
	}
	m := stub.GetMetadata()
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": stub.GetApiVersion(), "kind": stub.GetKind(), "spec": map[string]any{},
		"metadata": map[string]any{"namespace": m.GetNamespace(), "name": m.GetName(), "labels": m.GetLabels()},
	})
	if err == nil {
		stub.Manifest = string(manifest)
	}
	return stub
}
