package configmap

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

func named(data map[string]string, immutable bool) *gpuagentv1.ConfigMap {
	return &gpuagentv1.ConfigMap{Metadata: &metav1.ObjectMeta{Name: "c"}, Data: data, Immutable: immutable}
}

// TestTries checks that a try says what the deed would, and does nothing.
func TestTries(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), NewShelf(state.New(store.NewMemory()))
	if _, err := s.TryCreate(ctx, named(nil, false)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "", "c"); !fault.Is(err, fault.NotFound) {
		t.Fatalf("a try made one: %v", err)
	}
	made, err := s.Create(ctx, named(map[string]string{"a": "1"}, false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.TryCreate(ctx, named(nil, false)); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("got %v", err)
	}
	if tried, err := s.TryUpdate(ctx, named(map[string]string{"a": "2"}, false)); err != nil || tried.GetData()["a"] != "2" {
		t.Errorf("%v, %v", tried, err)
	}
	same, err := s.Update(ctx, named(map[string]string{"a": "1"}, false))
	if err != nil || same.GetMetadata().GetResourceVersion() != made.GetMetadata().GetResourceVersion() {
		t.Errorf("what has not changed is stored anew: %v, %v", same, err)
	}
}

func TestImmutable(t *testing.T) {
	t.Parallel()
	ctx, s := t.Context(), NewShelf(state.New(store.NewMemory()))
	if _, err := s.Create(ctx, named(map[string]string{"a": "1"}, true)); err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]*gpuagentv1.ConfigMap{
		"data": named(map[string]string{"a": "2"}, true), "immutable": named(map[string]string{"a": "1"}, false),
	} {
		if _, err := s.Update(ctx, c); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s changed: %v", what, err)
		}
	}
	labelled := named(map[string]string{"a": "1"}, true)
	labelled.Metadata.Labels = map[string]string{"l": "v"}
	if now, err := s.Update(ctx, labelled); err != nil || !now.GetImmutable() {
		t.Errorf("labels may change: %v, %v", now, err)
	}
}
