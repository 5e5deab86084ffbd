package secret

import (
	"path/filepath"
	"testing"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// TestKeep checks that values which a caller cannot see survive what it changes.
func TestKeep(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newVault(t, store.NewMemory(), filepath.Join(t.TempDir(), "key"))
	made, err := v.Create(ctx, opaque("db", map[string]string{"a": "1", "b": "2", "c": "3"}))
	if err != nil {
		t.Fatal(err)
	}
	change := opaque("db", map[string]string{"b": "two"})
	change.Keep = []string{"a"}
	if _, err := v.TryUpdate(ctx, change); err != nil {
		t.Fatal(err)
	}
	if values, err := v.Reveal(ctx, "", "db"); err != nil || string(values["b"]) != "2" {
		t.Fatalf("a try changed it: %q, %v", values, err)
	}
	now, err := v.Update(ctx, change)
	if err != nil || len(now.GetSizes()) != 2 || now.GetMetadata().GetResourceVersion() == made.GetMetadata().GetResourceVersion() {
		t.Fatalf("%v, %v", now, err)
	}
	values, err := v.Reveal(ctx, "", "db")
	if err != nil || len(values) != 2 || string(values["a"]) != "1" || string(values["b"]) != "two" {
		t.Errorf("%q, %v", values, err)
	}
	same, err := v.Update(ctx, opaque("db", map[string]string{"a": "1", "b": "two"}))
	if err != nil || same.GetMetadata().GetResourceVersion() != now.GetMetadata().GetResourceVersion() {
		t.Errorf("what has not changed is stored anew: %v, %v", same, err)
	}
	change.Keep = []string{"none"}
	if _, err := v.Update(ctx, change); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	fresh := opaque("fresh", nil)
	fresh.Keep = []string{"a"}
	if _, err := v.Create(ctx, fresh); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
}

func TestImmutable(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	v := newVault(t, store.NewMemory(), filepath.Join(t.TempDir(), "key"))
	fixed := opaque("db", map[string]string{"a": "1"})
	fixed.Immutable = true
	if _, err := v.TryCreate(ctx, fixed); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Create(ctx, fixed); err != nil {
		t.Fatal(err)
	}
	if _, err := v.TryCreate(ctx, fixed); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("got %v", err)
	}
	other := opaque("db", map[string]string{"a": "2"})
	other.Immutable = true
	if _, err := v.Update(ctx, other); !fault.Is(err, fault.Invalid) {
		t.Errorf("a value changed: %v", err)
	}
	if _, err := v.Update(ctx, opaque("db", map[string]string{"a": "1"})); !fault.Is(err, fault.Invalid) {
		t.Errorf("it is mutable again: %v", err)
	}
	fixed.Metadata.Labels = map[string]string{"l": "v"}
	if now, err := v.Update(ctx, fixed); err != nil || !now.GetImmutable() {
		t.Errorf("labels may change: %v, %v", now, err)
	}
}
