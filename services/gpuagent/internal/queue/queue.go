// Package queue keeps queues: how many GPUs workloads may hold together.
//
// What the workloads of a queue have is not stored: the scheduler knows it.
package queue

import (
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/shelf"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Shelf is all queues.
type Shelf = shelf.Shelf[*gpuagentv1.Queue]

// NewShelf returns the queues in a state.
func NewShelf(s *state.State) *Shelf {
	return &Shelf{
		Kind: "queue", Items: s.Queues, Check: check,
		With: func(m *metav1.ObjectMeta, q *gpuagentv1.Queue) *gpuagentv1.Queue {
			return &gpuagentv1.Queue{Metadata: m, Spec: specOf(q)}
		},
	}
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
