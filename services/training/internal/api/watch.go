package api

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
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
			event, err := eventOf(change)
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
	for _, item := range items {
		if !which.has(item.Value) {
			continue
		}
		event := &trainingv1.TrainingJobEvent{Type: trainingv1.TrainingJobEvent_TYPE_CREATED, Job: state.Stamped(item), Revision: item.Revision}
		if err := stream.Send(event); err != nil {
			return 0, err
		}
	}
	return revision, stream.Send(&trainingv1.TrainingJobEvent{Type: trainingv1.TrainingJobEvent_TYPE_SYNCED, Revision: revision})
}

// eventOf is a change as it is told; nil when it is not known what was deleted.
func eventOf(change store.Change) (*trainingv1.TrainingJobEvent, error) {
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
	event.Job.Metadata.ResourceVersion = change.Revision
	return event, nil
}
