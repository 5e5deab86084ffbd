package queue

import (
	"math"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
)

// Of is a queue as the scheduler is told of it.
func Of(q *gpuagentv1.Queue) scheduler.Queue {
	spec := specOf(q)
	return scheduler.Queue{
		Name:            q.GetMetadata().GetName(),
		Cohort:          spec.GetCohort(),
		Quota:           limit(spec.GpuQuota),
		BorrowingLimit:  limit(spec.BorrowingLimit),
		LendingLimit:    limit(spec.LendingLimit),
		Weight:          spec.GetWeight(),
		DefaultPriority: spec.GetDefaultPriority(),
		Preempt:         reach(spec.GetPreempt(), scheduler.LowerPriority),
		Reclaim:         reach(spec.GetReclaim(), scheduler.Nobody),
	}
}

func limit(n *int32) int {
	if n == nil {
		return scheduler.Unlimited
	}
	return int(*n)
}

func reach(p gpuagentv1.Preemption, otherwise scheduler.Reach) scheduler.Reach {
	switch p {
	case gpuagentv1.Preemption_PREEMPTION_NEVER:
		return scheduler.Nobody
	case gpuagentv1.Preemption_PREEMPTION_LOWER_PRIORITY:
		return scheduler.LowerPriority
	case gpuagentv1.Preemption_PREEMPTION_ANY_PRIORITY:
		return scheduler.AnyPriority
	default:
		return otherwise
	}
}

// Known adds to stored queues what their workloads have, and the queues that
// nobody has stored and that workloads name. Both are by name, and so is the result.
func Known(stored []*gpuagentv1.Queue, now scheduler.Snapshot) []*gpuagentv1.Queue {
	var all []*gpuagentv1.Queue
	states := now.Queues
	for len(stored) > 0 || len(states) > 0 {
		switch {
		case len(states) == 0 || len(stored) > 0 && stored[0].GetMetadata().GetName() < states[0].Name:
			stored[0].Status = &gpuagentv1.QueueStatus{}
			all, stored = append(all, stored[0]), stored[1:]
		case len(stored) > 0 && stored[0].GetMetadata().GetName() == states[0].Name:
			stored[0].Status = Status(&states[0])
			all, stored, states = append(all, stored[0]), stored[1:], states[1:]
		default:
			all, states = append(all, unstored(&states[0])), states[1:]
		}
	}
	return all
}

// unstored is a queue that workloads name and nobody has stored.
func unstored(s *scheduler.QueueState) *gpuagentv1.Queue {
	return &gpuagentv1.Queue{Metadata: &metav1.ObjectMeta{Name: s.Name}, Spec: &gpuagentv1.QueueSpec{}, Status: Status(s)}
}

// Status is how a queue stands.
func Status(s *scheduler.QueueState) *gpuagentv1.QueueStatus {
	return &gpuagentv1.QueueStatus{
		UsedGpus:     int32(math.Ceil(s.Used)),
		BorrowedGpus: int32(math.Ceil(s.Borrowed)),
		PromisedGpus: int32(math.Ceil(s.Promised)),
		GpusUsed:     s.Used,
		GpusBorrowed: s.Borrowed,
		GpusPromised: s.Promised,
		Waiting:      int32(len(s.Waiting)),
		Running:      int32(len(s.Running)),
		Share:        s.Share,
		FairShare:    s.Fair,
	}
}

// Waiting is the workloads of a queue.
func Waiting(s *scheduler.QueueState) *gpuagentv1.ListWaitingResponse {
	list := &gpuagentv1.ListWaitingResponse{}
	for i := range s.Waiting {
		j := &s.Waiting[i]
		list.Waiting = append(list.Waiting, &gpuagentv1.QueuedWorkload{
			Namespace: j.Namespace, Name: j.Name, Uid: j.UID, Priority: j.Priority, SubmitTime: timestamppb.New(j.Submitted),
			Replicas: int32(j.Replicas), Gpus: int32(j.GPUs), Position: int32(j.Position),
			Reason: j.Sentence, Hopeless: j.Hopeless, Promised: j.Promised,
		})
	}
	for i := range s.Running {
		j := &s.Running[i]
		list.Running = append(list.Running, &gpuagentv1.QueuedWorkload{
			Namespace: j.Namespace, Name: j.Name, Uid: j.UID, Priority: j.Priority, SubmitTime: timestamppb.New(j.Submitted),
			Replicas: int32(j.Of), Placed: int32(j.Replicas), Gpus: int32(j.GPUs), Nodes: j.Nodes, Ending: j.Ending,
		})
	}
	return list
}
