package board

import (
	"context"
	"fmt"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

const (
	running   = gpuagentv1.Phase_PHASE_RUNNING
	succeeded = gpuagentv1.Phase_PHASE_SUCCEEDED
)

func workload(name, uid string, phase gpuagentv1.Phase, revision int64) *gpuagentv1.Workload {
	return &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{Namespace: "default", Name: name, Uid: uid, ResourceVersion: revision},
		Status:   &gpuagentv1.WorkloadStatus{Phase: phase},
	}
}

// seen is what the store's watch reports of a workload.
func seen(w *gpuagentv1.Workload, deleted bool) []store.Update[*gpuagentv1.Workload] {
	return []store.Update[*gpuagentv1.Workload]{{
		Item:    store.Item[*gpuagentv1.Workload]{Key: "default/" + w.GetMetadata().GetName(), Value: w, Revision: w.GetMetadata().GetResourceVersion()},
		Deleted: deleted,
	}}
}

func all(*gpuagentv1.Workload) bool { return true }

func phase(b *Board, name string) string {
	w, ok := b.Get("default/" + name)
	if !ok {
		return "none"
	}
	return fmt.Sprintf("%s %s@%d", w.GetMetadata().GetUid(), strings.ToLower(w.GetStatus().GetPhase().String()[6:]), w.GetMetadata().GetResourceVersion())
}

// TestAnEntryNeverGoesBack plays the engine against a store's watch that lags.
func TestAnEntryNeverGoesBack(t *testing.T) {
	tests := []struct {
		name string
		play func(*Board)
		want string
	}{
		{"of another node", func(b *Board) { b.Observe(seen(workload("w", "a", running, 3), false)) }, "a running@3"},
		{"older than known", func(b *Board) {
			b.Observe(seen(workload("w", "a", succeeded, 5), false))
			b.Observe(seen(workload("w", "a", running, 3), false))
		}, "a succeeded@5"},
		{"own write comes late", func(b *Board) {
			b.Publish(workload("w", "a", running, 1))
			b.Publish(workload("w", "a", succeeded, 1)) // while the write of running is under way
			b.Observe(seen(workload("w", "a", running, 2), false))
			b.Stored(workload("w", "a", running, 2), 2)
			b.Stored(workload("w", "a", succeeded, 3), 3)
			b.Observe(seen(workload("w", "a", succeeded, 3), false))
		}, "a succeeded@3"},
		{"removed, and the watch lags", func(b *Board) {
			b.Publish(workload("w", "a", running, 4))
			b.Remove(workload("w", "a", running, 4))
			b.Observe(seen(workload("w", "a", running, 4), false))
		}, "none"},
		{"deleted elsewhere", func(b *Board) {
			b.Publish(workload("w", "a", running, 4))
			b.Observe(seen(workload("w", "a", running, 4), true))
		}, "none"},
		{"the name is used again", func(b *Board) {
			b.Publish(workload("w", "a", running, 4))
			b.Remove(workload("w", "a", running, 4))
			b.Publish(workload("w", "b", running, 6))
			b.Observe(seen(workload("w", "a", running, 4), false))
			b.Observe(seen(workload("w", "a", running, 4), true))
			b.Observe(seen(workload("w", "b", running, 6), false))
		}, "b running@6"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := New()
			tt.play(b)
			if got := phase(b, "w"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestWatch(t *testing.T) {
	b := New()
	b.Publish(workload("old", "a", running, 1))
	w := b.Watch(all)
	b.Publish(workload("new", "b", running, 2))
	b.Publish(workload("new", "b", succeeded, 2))
	take := func() string {
		events, err := w.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, e := range events {
			out = append(out, fmt.Sprintf("%s %s %s", strings.TrimPrefix(e.GetType().String(), "TYPE_"), e.GetWorkload().GetMetadata().GetName(),
				strings.TrimPrefix(e.GetWorkload().GetStatus().GetPhase().String(), "PHASE_")))
		}
		return strings.Join(out, "; ")
	}
	if got, want := take(), "CREATED old RUNNING; SYNCED  UNSPECIFIED; CREATED new SUCCEEDED"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.Publish(workload("old", "a", succeeded, 3))
	b.Remove(workload("old", "a", succeeded, 3))
	if got, want := take(), "DELETED old SUCCEEDED"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	b.Unwatch(w)
	b.Publish(workload("more", "c", running, 4))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Next(gone); err == nil {
		t.Error("an ended watch goes on")
	}
}
