package configmap

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/keyed"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

func config(name string, data map[string]string) *gpuagentv1.ConfigMap {
	return &gpuagentv1.ConfigMap{Metadata: &metav1.ObjectMeta{Name: name}, Data: data, BinaryData: map[string][]byte{"bin": {0xff}}}
}

func TestLife(t *testing.T) {
	t.Parallel()
	ctx, backend := t.Context(), store.NewMemory()
	s := NewShelf(state.New(backend))
	for _, size := range []int{1, keyed.MaxBytes - 1} { // in one value, and in parts
		text := strings.Repeat("x", size)
		created, err := s.Create(ctx, config("app", map[string]string{"k": text}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Create(ctx, config("app", nil)); !fault.Is(err, fault.AlreadyExists) {
			t.Errorf("create twice: %v", err)
		}
		got, err := s.Get(ctx, "", "app")
		if err != nil || !proto.Equal(got, created) {
			t.Errorf("get %v, %v", got.GetMetadata(), err)
		}
		if all, err := s.List(ctx, ""); err != nil || len(all) != 1 || !proto.Equal(all[0], created) {
			t.Errorf("list of %d, %v", len(all), err)
		}
		values, err := s.Values(ctx, "", "app")
		if err != nil || string(values["k"]) != text || string(values["bin"]) != "\xff" {
			t.Errorf("values of %d keys, %v", len(values), err)
		}
		change := config("app", map[string]string{"n": text})
		change.Metadata.ResourceVersion = got.GetMetadata().GetResourceVersion()
		updated, err := s.Update(ctx, change)
		if err != nil || updated.GetMetadata().GetGeneration() != 2 || updated.GetData()["n"] != text {
			t.Errorf("update %v, %v", updated.GetMetadata(), err)
		}
		if _, err := s.Update(ctx, change); !fault.Is(err, fault.Conflict) {
			t.Errorf("update of what has changed: %v", err)
		}
		if err := s.Delete(ctx, "", "app"); err != nil {
			t.Error(err)
		}
		if left, _, err := backend.List(ctx, "/"); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
		if err := s.Delete(ctx, "", "app"); !fault.Is(err, fault.NotFound) {
			t.Errorf("delete twice: %v", err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		config *gpuagentv1.ConfigMap
		says   string
	}{
		"right": {config("app", map[string]string{"settings.ini": "x"}), ""},
		"name":  {config("App", nil), "config_map.metadata.name"},
		"key":   {config("app", map[string]string{"a b": ""}), `key "a b"`},
		"twice": {config("app", map[string]string{"bin": ""}), "in one of them"},
		"size":  {config("app", map[string]string{"k": strings.Repeat("x", keyed.MaxBytes)}), "1048577 bytes together"},
	} {
		if err := Check(tt.config); tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v; want one that says %q", name, err, tt.says)
		}
	}
}
