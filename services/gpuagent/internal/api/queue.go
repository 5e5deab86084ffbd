package api

import (
	"context"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/queue"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

// Scheduling knows how all queues stand.
type Scheduling interface {
	// Snapshot returns how everything stands now; fault.Unavailable when the agent
	// that decides cannot be asked.
	Snapshot(ctx context.Context) (scheduler.Snapshot, error)
	// HeedQueues returns once what was stored of queues up to a revision counts.
	HeedQueues(ctx context.Context, revision int64) error
}

// RegisterQueues adds QueueService to a server.
func RegisterQueues(server grpc.ServiceRegistrar, shelf *queue.Shelf, scheduling Scheduling) {
	gpuagentv1.RegisterQueueServiceServer(server, &queues{shelf: shelf, scheduling: scheduling})
}

// queues implements QueueService.
type queues struct {
	gpuagentv1.UnimplementedQueueServiceServer
	shelf      *queue.Shelf
	scheduling Scheduling
}

// CreateQueue implements QueueService.
func (s *queues) CreateQueue(ctx context.Context, r *gpuagentv1.CreateQueueRequest) (*gpuagentv1.Queue, error) {
	return s.heeded(ctx)(s.shelf.Create(ctx, r.GetQueue()))
}

// UpdateQueue implements QueueService.
func (s *queues) UpdateQueue(ctx context.Context, r *gpuagentv1.UpdateQueueRequest) (*gpuagentv1.Queue, error) {
	return s.heeded(ctx)(s.shelf.Update(ctx, r.GetQueue()))
}

// heeded hands on what was stored of a queue once it counts, so that whoever
// submits next is held to it.
func (s *queues) heeded(ctx context.Context) func(*gpuagentv1.Queue, error) (*gpuagentv1.Queue, error) {
	return func(q *gpuagentv1.Queue, err error) (*gpuagentv1.Queue, error) {
		if err != nil {
			return nil, err
		}
		return q, s.scheduling.HeedQueues(ctx, q.GetMetadata().GetResourceVersion())
	}
}

// DeleteQueue implements QueueService.
func (s *queues) DeleteQueue(ctx context.Context, r *gpuagentv1.DeleteQueueRequest) (*emptypb.Empty, error) {
	if err := s.shelf.Delete(ctx, r.GetName()); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// GetQueue implements QueueService.
func (s *queues) GetQueue(ctx context.Context, r *gpuagentv1.GetQueueRequest) (*gpuagentv1.Queue, error) {
	now, err := s.scheduling.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var stored []*gpuagentv1.Queue
	switch q, err := s.shelf.Get(ctx, r.GetName()); {
	case err == nil:
		stored = append(stored, q)
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	now.Queues = slices.DeleteFunc(now.Queues, func(q scheduler.QueueState) bool { return q.Name != r.GetName() })
	known := queue.Known(stored, now)
	if len(known) == 0 {
		return nil, s.shelf.None(r.GetName())
	}
	return known[0], nil
}

// ListQueues implements QueueService.
func (s *queues) ListQueues(ctx context.Context, _ *gpuagentv1.ListQueuesRequest) (*gpuagentv1.ListQueuesResponse, error) {
	now, err := s.scheduling.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	stored, err := s.shelf.List(ctx)
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.ListQueuesResponse{Queues: queue.Known(stored, now)}, nil
}

// ListWaiting implements QueueService.
func (s *queues) ListWaiting(ctx context.Context, r *gpuagentv1.ListWaitingRequest) (*gpuagentv1.ListWaitingResponse, error) {
	now, err := s.scheduling.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	for i := range now.Queues {
		if now.Queues[i].Name == r.GetName() {
			return queue.Waiting(&now.Queues[i]), nil
		}
	}
	_, err = s.shelf.Get(ctx, r.GetName()) // one that nobody waits in yet
	return &gpuagentv1.ListWaitingResponse{}, err
}
