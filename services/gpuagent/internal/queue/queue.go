// Package queue keeps queues: how many GPUs workloads may hold together.
//
// A queue is under its name in state.Queues. What its workloads have is not stored:
// the scheduler knows it. A Shelf is safe for concurrent use, by many agents.
package queue

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

// Shelf is all queues.
type Shelf struct{ state *state.State }

// NewShelf returns the queues in a state.
func NewShelf(s *state.State) *Shelf { return &Shelf{state: s} }

// Create stores a new queue. What is wrong with it is fault.Invalid; a name that is
// taken fault.AlreadyExists.
func (s *Shelf) Create(ctx context.Context, q *gpuagentv1.Queue) (*gpuagentv1.Queue, error) {
	if err := check(q); err != nil {
		return nil, err
	}
	now, m := timestamppb.Now(), proto.CloneOf(q.GetMetadata())
	m.Namespace, m.Uid, m.Generation, m.ResourceVersion, m.CreateTime, m.UpdateTime = "", uuid.NewString(), 1, 0, now, now
	stored := &gpuagentv1.Queue{Metadata: m, Spec: specOf(q)}
	revision, err := s.state.Queues.Create(ctx, m.GetName(), stored)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, fault.AlreadyExistsf("queue %s exists already; update it, or delete it first", m.GetName()).WithReason("QUEUE_EXISTS")
	}
	if err != nil {
		return nil, err
	}
	m.ResourceVersion = revision
	return stored, nil
}

// Update replaces the spec, labels and annotations of a queue. It is
// fault.Conflict when the queue is no longer at the revision that q names.
func (s *Shelf) Update(ctx context.Context, q *gpuagentv1.Queue) (*gpuagentv1.Queue, error) {
	if err := check(q); err != nil {
		return nil, err
	}
	name, want := q.GetMetadata().GetName(), q.GetMetadata().GetResourceVersion()
	for {
		old, err := s.state.Queues.Get(ctx, name)
		if err != nil {
			return nil, named(err, name)
		}
		if want != 0 && want != old.Revision {
			return nil, fault.Conflictf("queue %s changed meanwhile: it is at resource version %d, not %d; get it again", name, old.Revision, want).
				WithReason("QUEUE_CHANGED")
		}
		m := proto.CloneOf(old.Value.GetMetadata())
		m.Labels, m.Annotations = q.GetMetadata().GetLabels(), q.GetMetadata().GetAnnotations()
		m.Generation++
		m.UpdateTime = timestamppb.Now()
		updated := &gpuagentv1.Queue{Metadata: m, Spec: specOf(q)}
		revision, err := s.state.Queues.Update(ctx, name, updated, old.Revision)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) { // somebody was faster: what that was decides
			continue
		}
		m.ResourceVersion = revision
		return updated, err
	}
}

// Get returns a queue.
func (s *Shelf) Get(ctx context.Context, name string) (*gpuagentv1.Queue, error) {
	item, err := s.state.Queues.Get(ctx, name)
	if err != nil {
		return nil, named(err, name)
	}
	return stamped(item), nil
}

// List returns all queues, by name.
func (s *Shelf) List(ctx context.Context) ([]*gpuagentv1.Queue, error) {
	items, _, err := s.state.Queues.List(ctx, "")
	if err != nil {
		return nil, err
	}
	all := make([]*gpuagentv1.Queue, len(items))
	for i, item := range items {
		all[i] = stamped(item)
	}
	return all, nil
}

// Delete forgets a queue.
func (s *Shelf) Delete(ctx context.Context, name string) error {
	if _, err := s.state.Queues.Get(ctx, name); err != nil {
		return named(err, name)
	}
	return s.state.Queues.Delete(ctx, name, store.AnyRevision)
}

// specOf is what a queue says its workloads may have; nothing said is no quota.
func specOf(q *gpuagentv1.Queue) *gpuagentv1.QueueSpec {
	if q.GetSpec() == nil {
		return &gpuagentv1.QueueSpec{}
	}
	return q.GetSpec()
}

// check says everything that is wrong with a queue that is to be stored, beyond
// what its proto's own rules say.
func check(q *gpuagentv1.Queue) error {
	var wrong []fault.Violation
	add := func(field, reason string) { wrong = append(wrong, fault.Violation{Field: field, Reason: reason}) }
	if !state.ValidName(q.GetMetadata().GetName()) {
		add("queue.metadata.name", "want 1 to 253 letters, digits, '-', '_' and '.', with a letter or digit at both ends")
	}
	spec := specOf(q)
	if spec.GpuQuota == nil && spec.GetCohort() != "" {
		add("queue.spec.cohort", "a queue without a quota has nothing to lend and no need to borrow: give gpu_quota too, or leave the cohort out")
	}
	if spec.GetCohort() == "" {
		if spec.GetBorrowingLimit() != 0 {
			add("queue.spec.borrowing_limit", "there is nobody to borrow from: give the cohort too")
		}
		if spec.GetLendingLimit() != 0 {
			add("queue.spec.lending_limit", "there is nobody to lend to: give the cohort too")
		}
	}
	if len(wrong) > 0 {
		return fault.InvalidAll(wrong)
	}
	return nil
}

func stamped(item store.Item[*gpuagentv1.Queue]) *gpuagentv1.Queue {
	item.Value.Metadata.ResourceVersion = item.Revision
	return item.Value
}

// named puts the name of a queue into an error of the store.
func named(err error, name string) error {
	if fault.Is(err, fault.NotFound) {
		return ErrNone(name)
	}
	return err
}

// ErrNone says that there is no queue of a name.
func ErrNone(name string) error {
	return fault.NotFoundf("there is no queue %s", name).WithReason("QUEUE_NOT_FOUND")
}
