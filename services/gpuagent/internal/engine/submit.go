package engine

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Submit stores a valid workload, placed if it fits, and starts its life. Only
// its metadata's namespace, name, labels and annotations count, and its spec. It
// is stored together with the guard, such as the fence of a leader; when that does
// not hold, nothing starts.
func (e *Engine) Submit(ctx context.Context, submitted *gpuagentv1.Workload, guard ...store.Op) (*gpuagentv1.Workload, error) {
	if e.Joined {
		return nil, errJoined
	}
	if e.Ready() != nil {
		return nil, e.errNotReady()
	}
	w := newWorkload(submitted)
	e.prioritize(w)
	if err := checkSize(w); err != nil {
		return nil, err
	}
	key := state.KeyOf(w.GetMetadata())
	if _, ok := e.board.Get(key); ok {
		return nil, errExists(w)
	}
	l, err := e.enter(w)
	if err != nil {
		return nil, err
	}
	placed := l.snapshot()
	if !e.spawn(l.lead) { // which gets ready while the workload is being stored
		return nil, fault.Unavailablef("node %s is shutting down", e.Node)
	}
	revision, err := e.create(ctx, key, placed, guard)
	if err != nil {
		l.refuse()
		if fault.Is(err, fault.AlreadyExists) {
			return nil, errExists(w)
		}
		return nil, err
	}
	return l.stored(revision), nil
}

// newWorkload gives a submitted workload its identity and first status.
func newWorkload(submitted *gpuagentv1.Workload) *gpuagentv1.Workload {
	now := timestamppb.Now()
	w := proto.CloneOf(submitted)
	m := w.GetMetadata()
	m.Uid, m.Generation, m.ResourceVersion = uuid.NewString(), 1, 0
	m.CreateTime, m.UpdateTime = now, now
	if m.GetNamespace() == "" {
		m.Namespace = state.DefaultNamespace
	}
	w.Status = &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_PENDING, Epoch: 1}
	for _, group := range w.GetSpec().GetGroups() {
		for index := range state.Replicas(group) {
			w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{
				Group: group.GetName(), Index: int32(index), Phase: gpuagentv1.Phase_PHASE_PENDING,
			})
		}
	}
	return w
}

// Sizes of what is stored of a workload, which is one value of the store.
const (
	statusReserve  = 32 << 10 // for times, messages and tails
	replicaReserve = 160      // of each replica: times, pid, reason
	returnReserve  = 64 << 10 // for files that come back
)

// checkSize refuses a workload whose status would not fit beside its spec.
func checkSize(w *gpuagentv1.Workload) error {
	replicas := len(w.GetStatus().GetReplicas())
	limit := store.MaxValueBytes - statusReserve - returnReserve - replicas*replicaReserve
	if size := proto.Size(w); size > limit {
		return fault.Exhaustedf("workload of %d replicas is described in %d bytes and may take %d: hand large arguments over as staged files",
			replicas, size, max(0, limit)).WithReason("WORKLOAD_TOO_LARGE")
	}
	return nil
}

// enter begins a life: placed, or among those that wait.
func (e *Engine) enter(w *gpuagentv1.Workload) (*life, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	l := newLife(e, w)
	e.lives[l.uid] = l
	job := e.jobOf(w)
	slots, ok := e.scheduler.TryNow(job)
	if !ok {
		e.scheduler.Submit(job)
		e.decide()
		return l, nil
	}
	if err := l.take(slots); err != nil {
		e.release(l)
		delete(e.lives, l.uid)
		return nil, err
	}
	return l, nil
}

// create stores a new workload. It is not given up with the request: whether a
// workload exists must be known.
func (e *Engine) create(ctx context.Context, key string, w *gpuagentv1.Workload, guard []store.Op) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	revision, err := e.State.Backend.Commit(ctx, append([]store.Op{e.State.Workloads.CreateOp(key, w)}, guard...)...)
	if err == nil || fault.Is(err, fault.Exhausted) {
		return revision, err
	}
	stored, getErr := e.State.Workloads.Get(ctx, key) // the write may have been made although its answer was lost
	if getErr == nil && stored.Value.GetMetadata().GetUid() == w.GetMetadata().GetUid() {
		return stored.Revision, nil
	}
	return 0, err
}

func errExists(w *gpuagentv1.Workload) error {
	return fault.AlreadyExistsf("workload %s/%s exists already", w.GetMetadata().GetNamespace(), w.GetMetadata().GetName()).
		WithReason("WORKLOAD_EXISTS")
}
