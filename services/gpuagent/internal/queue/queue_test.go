package queue

import (
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

func make16(name string) *gpuagentv1.Queue {
	return &gpuagentv1.Queue{
		Metadata: &metav1.ObjectMeta{Name: name},
		Spec:     &gpuagentv1.QueueSpec{GpuQuota: proto.Int32(16), Cohort: "ml"},
	}
}

func TestShelf(t *testing.T) {
	ctx, shelf := t.Context(), NewShelf(state.New(store.NewMemory()))
	made, err := shelf.Create(ctx, make16("research"))
	if err != nil || made.GetMetadata().GetUid() == "" || made.GetMetadata().GetResourceVersion() == 0 {
		t.Fatalf("made %v (%v)", made, err)
	}
	if _, err := shelf.Create(ctx, make16("research")); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("a name that is taken is %v", err)
	}
	change := make16("research")
	change.Spec.GpuQuota = proto.Int32(24)
	changed, err := shelf.Update(ctx, change)
	if err != nil || changed.GetMetadata().GetGeneration() != 2 || changed.GetMetadata().GetUid() != made.GetMetadata().GetUid() {
		t.Errorf("changed %v (%v)", changed, err)
	}
	change.Metadata.ResourceVersion = made.GetMetadata().GetResourceVersion()
	if _, err := shelf.Update(ctx, change); !fault.Is(err, fault.Conflict) {
		t.Errorf("a change of what is no longer there is %v", err)
	}
	if got, err := shelf.Get(ctx, "research"); err != nil || !proto.Equal(got, changed) {
		t.Errorf("got %v (%v), want %v", got, err, changed)
	}
	if all, err := shelf.List(ctx); err != nil || len(all) != 1 {
		t.Errorf("listed %v (%v)", all, err)
	}
	if err := shelf.Delete(ctx, "research"); err != nil {
		t.Error(err)
	}
	if err := shelf.Delete(ctx, "research"); !fault.Is(err, fault.NotFound) {
		t.Errorf("to delete it twice is %v", err)
	}
	if _, err := shelf.Update(ctx, change); !fault.Is(err, fault.NotFound) {
		t.Errorf("a change of none is %v", err)
	}
}

func TestWrongQueues(t *testing.T) {
	for _, tt := range []struct {
		field string
		spoil func(*gpuagentv1.Queue)
	}{
		{"queue.metadata.name", func(q *gpuagentv1.Queue) { q.Metadata.Name = "a/b" }},
		{"queue.spec.cohort", func(q *gpuagentv1.Queue) { q.Spec.GpuQuota = nil }},
		{"queue.spec.borrowing_limit", func(q *gpuagentv1.Queue) { q.Spec.Cohort, q.Spec.BorrowingLimit = "", proto.Int32(1) }},
		{"queue.spec.lending_limit", func(q *gpuagentv1.Queue) { q.Spec.Cohort, q.Spec.LendingLimit = "", proto.Int32(1) }},
	} {
		q := make16("q")
		tt.spoil(q)
		_, err := NewShelf(state.New(store.NewMemory())).Create(t.Context(), q)
		var wrong []string
		if e, ok := errors.AsType[*fault.Error](err); ok {
			for _, v := range e.Violations {
				wrong = append(wrong, v.Field)
			}
		}
		if !slices.Equal(wrong, []string{tt.field}) {
			t.Errorf("%v is wrong in %v, want %s", q, wrong, tt.field)
		}
	}
}

func TestOf(t *testing.T) {
	q := make16("q")
	q.Spec.Preempt, q.Spec.LendingLimit, q.Spec.Weight = gpuagentv1.Preemption_PREEMPTION_NEVER, proto.Int32(0), 2
	want := scheduler.Queue{
		Name: "q", Cohort: "ml", Quota: 16, BorrowingLimit: scheduler.Unlimited, LendingLimit: 0, Weight: 2,
		Preempt: scheduler.Nobody, Reclaim: scheduler.Nobody,
	}
	if got := Of(q); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := Of(&gpuagentv1.Queue{Metadata: &metav1.ObjectMeta{Name: "q"}}); got.Quota != scheduler.Unlimited || got.Preempt != scheduler.LowerPriority {
		t.Errorf("a queue of which nothing is said is %+v", got)
	}
}

func TestKnownQueues(t *testing.T) {
	s := scheduler.New(scheduler.Policy{})
	s.SetNode(scheduler.Node{Name: "n", GPUs: []scheduler.GPU{{Index: 0}}})
	s.SetQueue(Of(make16("c")))
	for _, name := range []string{"a", "c"} {
		s.Submit(scheduler.Job{UID: name, Namespace: "ns", Name: name, Queue: name, Submitted: time.Unix(1, 0), Groups: []scheduler.Group{{Need: scheduler.Need{GPUs: 1}}}})
	}
	s.Decide(time.Unix(1, 0))
	now := s.Snapshot()
	known := Known([]*gpuagentv1.Queue{make16("b"), make16("c"), make16("d")}, now)
	names := ""
	for _, q := range known {
		names += q.GetMetadata().GetName()
	}
	if names != "abcd" || known[0].GetStatus().GetUsedGpus() != 1 || known[2].GetStatus().GetWaiting() != 1 || known[2].GetSpec().GetCohort() != "ml" {
		t.Errorf("known are %v", known)
	}
	waits := Waiting(&now.Queues[1])
	if len(waits.GetWaiting()) != 1 || waits.GetWaiting()[0].GetPosition() != 1 || waits.GetWaiting()[0].GetReason() == "" {
		t.Errorf("waiting are %v", waits)
	}
	if runs := Waiting(&now.Queues[0]).GetRunning(); len(runs) != 1 || runs[0].GetNodes()[0] != "n" || runs[0].GetPlaced() != 1 {
		t.Errorf("running are %v", runs)
	}
}
