package volume

import (
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

func sized(bytes int64, mode string, labels map[string]string) *gpuagentv1.PersistentVolume {
	return &gpuagentv1.PersistentVolume{
		Metadata: &metav1.ObjectMeta{Name: "v", Labels: labels}, Spec: &gpuagentv1.PersistentVolumeSpec{SizeBytes: bytes, AccessModes: []string{mode}},
	}
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	const once, many = "ReadWriteOnce", "ReadWriteMany"
	ctx, v := t.Context(), New(state.New(store.NewMemory()), "here", t.TempDir())
	if _, err := v.TryUpdate(ctx, sized(1, once, nil)); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := v.TryCreate(ctx, sized(1, once, nil)); err != nil {
		t.Fatal(err)
	}
	made, err := v.Create(ctx, sized(10, once, nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.TryCreate(ctx, sized(1, once, nil)); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("got %v", err)
	}
	for what, wanted := range map[string]*gpuagentv1.PersistentVolume{
		"shrinks": sized(9, once, nil), "has another mode": sized(10, many, nil), "moves": sized(10, once, map[string]string{NodeLabel: "there"}),
	} {
		if _, err := v.Update(ctx, wanted); !fault.Is(err, fault.Invalid) {
			t.Errorf("it %s: %v", what, err)
		}
	}
	same, err := v.Update(ctx, sized(10, once, nil))
	if err != nil || same.GetMetadata().GetResourceVersion() != made.GetMetadata().GetResourceVersion() {
		t.Errorf("what has not changed is stored anew: %v, %v", same, err)
	}
	now, err := v.Update(ctx, sized(20, once, map[string]string{"l": "v"}))
	if err != nil || now.GetSpec().GetSizeBytes() != 20 || now.GetMetadata().GetLabels()["l"] != "v" || now.GetStatus().GetNode() != "here" {
		t.Errorf("%v, %v", now, err)
	}
	stale := sized(30, once, nil)
	stale.Metadata.ResourceVersion = made.GetMetadata().GetResourceVersion()
	if _, err := v.Update(ctx, stale); !fault.Is(err, fault.Conflict) {
		t.Errorf("got %v", err)
	}
}
