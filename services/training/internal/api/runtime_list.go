package api

import (
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// inScope reports whether a runtime is one of those that are meant.
func inScope(m *trainingv1.TrainingRuntime, namespace string, scope trainingv1.RuntimeScope) bool {
	of := m.GetMetadata().GetNamespace()
	if scope == trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER {
		return of == ""
	}
	return of != "" && fits(namespace, of)
}

// list returns the runtimes that are meant, by namespace and name.
func (s *runtimes) list(ctx context.Context, namespace string, scope trainingv1.RuntimeScope) ([]*trainingv1.TrainingRuntime, int64, error) {
	items, revision, err := s.state.Runtimes.List(ctx, state.RuntimePrefix(namespace, scope == trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER))
	if err != nil {
		return nil, 0, err
	}
	var all []*trainingv1.TrainingRuntime
	for _, item := range items {
		if inScope(item.Value, namespace, scope) {
			all = append(all, stamped(item))
		}
	}
	if scope == trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER {
		for _, name := range slices.Sorted(maps.Keys(s.stock)) {
			all = append(all, proto.CloneOf(s.stock[name]))
		}
	}
	slices.SortStableFunc(all, func(a, b *trainingv1.TrainingRuntime) int {
		return strings.Compare(a.GetMetadata().GetNamespace()+"/"+a.GetMetadata().GetName(), b.GetMetadata().GetNamespace()+"/"+b.GetMetadata().GetName())
	})
	return all, revision, nil
}

// ListTrainingRuntimes implements TrainingRuntimeService.
func (s *runtimes) ListTrainingRuntimes(ctx context.Context, r *trainingv1.ListTrainingRuntimesRequest) (*trainingv1.ListTrainingRuntimesResponse, error) {
	all, revision, err := s.list(ctx, r.GetNamespace(), r.GetScope())
	return &trainingv1.ListTrainingRuntimesResponse{Runtimes: all, Revision: revision}, err
}

// WatchTrainingRuntimes implements TrainingRuntimeService.
func (s *runtimes) WatchTrainingRuntimes(
	r *trainingv1.WatchTrainingRuntimesRequest, stream grpc.ServerStreamingServer[trainingv1.TrainingRuntimeEvent],
) error {
	ctx, cancel := context.WithCancel(stream.Context())
	defer cancel()
	after := r.GetAfterRevision()
	if after == 0 {
		var err error
		if after, err = s.sendPresent(ctx, r, stream.Send); err != nil {
			return err
		}
	}
	prefix := state.RuntimePrefix(r.GetNamespace(), r.GetScope() == trainingv1.RuntimeScope_RUNTIME_SCOPE_CLUSTER)
	changes, err := s.state.Backend.Watch(ctx, s.state.Runtimes.Prefix()+prefix, after)
	if err != nil {
		return err
	}
	for batch := range changes {
		for _, change := range batch {
			event, err := runtimeEvent(change)
			if err != nil {
				return err
			}
			if event == nil || !inScope(event.GetRuntime(), r.GetNamespace(), r.GetScope()) || !fits(r.GetName(), event.GetRuntime().GetMetadata().GetName()) {
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
	return fault.Preconditionf("changes since revision %d are no longer kept: list the runtimes and watch from there", after).WithReason("REVISION_EXPIRED")
}

// sendPresent sends the runtimes that there are, and returns the revision they are of.
func (s *runtimes) sendPresent(
	ctx context.Context, r *trainingv1.WatchTrainingRuntimesRequest, send func(*trainingv1.TrainingRuntimeEvent) error,
) (int64, error) {
	all, revision, err := s.list(ctx, r.GetNamespace(), r.GetScope())
	if err != nil {
		return 0, err
	}
	for _, one := range all {
		if !fits(r.GetName(), one.GetMetadata().GetName()) {
			continue
		}
		event := &trainingv1.TrainingRuntimeEvent{Type: trainingv1.TrainingRuntimeEvent_TYPE_CREATED, Runtime: one, Revision: revision}
		if err := send(event); err != nil {
			return 0, err
		}
	}
	return revision, send(&trainingv1.TrainingRuntimeEvent{Type: trainingv1.TrainingRuntimeEvent_TYPE_SYNCED, Revision: revision})
}

// runtimeEvent is a change as it is told; nil when it is not known what was deleted.
func runtimeEvent(change store.Change) (*trainingv1.TrainingRuntimeEvent, error) {
	event, value := &trainingv1.TrainingRuntimeEvent{Type: trainingv1.TrainingRuntimeEvent_TYPE_UPDATED, Revision: change.Revision}, change.Value
	switch {
	case change.Deleted && change.Prev == nil:
		return nil, nil
	case change.Deleted:
		event.Type, value = trainingv1.TrainingRuntimeEvent_TYPE_DELETED, change.Prev
	case change.Revision == change.CreateRevision:
		event.Type = trainingv1.TrainingRuntimeEvent_TYPE_CREATED
	}
	event.Runtime = &trainingv1.TrainingRuntime{}
	if err := proto.Unmarshal(value, event.GetRuntime()); err != nil {
		return nil, fault.Internalf(err, "stored value %s cannot be read", change.Key)
	}
	event.Runtime.Metadata.ResourceVersion = change.Revision
	return event, nil
}
