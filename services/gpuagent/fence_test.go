package gpuagent_test

import (
	"os"
	"path/filepath"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// TestADeposedLeaderStartsNothing submits under a leadership that stands, under
// one that has passed to another, and under one that never was.
func TestADeposedLeaderStartsNothing(t *testing.T) {
	n := newNode(t)
	a := n.start()
	dir := t.TempDir()
	lead := func() int64 {
		t.Helper()
		token, err := n.store.Commit(t.Context(), store.Op{Key: "/kfmesh/leases/pipeline", Value: []byte("me"), Expect: store.AnyRevision})
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	submit := func(name string, token int64) error {
		_, err := a.SubmitWorkload(t.Context(), &gpuagentv1.SubmitWorkloadRequest{
			Workload: shell(name, "touch "+filepath.Join(dir, name)),
			Fence:    &gpuagentv1.Fence{Election: "pipeline", Token: token},
		})
		return err
	}
	first := lead()
	if err := submit("in-time", first); err != nil {
		t.Fatal(err)
	}
	second := lead()
	for name, token := range map[string]int64{"too-late": first, "too-early": second + 1} {
		if err := submit(name, token); !fault.Is(err, fault.Conflict) {
			t.Errorf("%s: error %v, want Conflict", name, err)
		}
		if _, err := a.GetWorkload(t.Context(), &gpuagentv1.GetWorkloadRequest{Name: name}); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s exists: %v", name, err)
		}
	}
	if err := submit("next", second); err != nil {
		t.Fatal(err)
	}
	a.awaitEnd("in-time")
	a.awaitEnd("next")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d workloads ran, want 2: %v %v", len(entries), entries, err)
	}
}
