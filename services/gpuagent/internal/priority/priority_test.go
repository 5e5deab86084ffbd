package priority

import (
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

func TestShelf(t *testing.T) {
	ctx, shelf := t.Context(), NewShelf(state.New(store.NewMemory()))
	high := &gpuagentv1.PriorityClass{Metadata: &metav1.ObjectMeta{Name: "high"}, Value: 1000, Description: "first"}
	made, err := shelf.Create(ctx, high)
	if err != nil || made.GetMetadata().GetUid() == "" || made.GetMetadata().GetResourceVersion() == 0 {
		t.Fatalf("made %v (%v)", made, err)
	}
	if _, err := shelf.Create(ctx, high); !fault.Is(err, fault.AlreadyExists) {
		t.Errorf("a name that is taken is %v", err)
	}
	if _, err := shelf.Create(ctx, &gpuagentv1.PriorityClass{Metadata: &metav1.ObjectMeta{Name: "a/b"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a wrong name is %v", err)
	}
	high.Value = 2000
	changed, err := shelf.Update(ctx, high)
	if err != nil || changed.GetMetadata().GetGeneration() != 2 || changed.GetValue() != 2000 || changed.GetMetadata().GetUid() != made.GetMetadata().GetUid() {
		t.Errorf("changed %v (%v)", changed, err)
	}
	high.Metadata.ResourceVersion = made.GetMetadata().GetResourceVersion()
	if _, err := shelf.Update(ctx, high); !fault.Is(err, fault.Conflict) {
		t.Errorf("a change of what is no longer there is %v", err)
	}
	if got, err := shelf.Get(ctx, "high"); err != nil || !proto.Equal(got, changed) {
		t.Errorf("got %v (%v), want %v", got, err, changed)
	}
	if all, err := shelf.List(ctx); err != nil || len(all) != 1 || !proto.Equal(all[0], changed) {
		t.Errorf("listed %v (%v)", all, err)
	}
	if err := shelf.Delete(ctx, "high"); err != nil {
		t.Error(err)
	}
	if err := shelf.Delete(ctx, "high"); !fault.Is(err, fault.NotFound) {
		t.Errorf("to delete it twice is %v", err)
	}
	if _, err := shelf.Update(ctx, high); !fault.Is(err, fault.NotFound) {
		t.Errorf("a change of none is %v", err)
	}
}
