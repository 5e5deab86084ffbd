package gpuagent_test

import (
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// TestACordonedNodeTakesNothingMore cordons a node and then a GPU of it, over starts of
// its agent.
func TestACordonedNodeTakesNothingMore(t *testing.T) {
	n := newNode(t)
	n.configure = func(cfg *gpuagent.Config) { cfg.FakeGPUs = "1xH100" }
	a := n.start()
	a.here("n1")
	cordon := func(undo bool) {
		t.Helper()
		if _, err := a.nodes.CordonNode(t.Context(), &gpuagentv1.CordonNodeRequest{Name: "n1", Undo: undo, Reason: "fans"}); err != nil {
			t.Fatal(err)
		}
	}
	withdraw := func(undo bool) {
		t.Helper()
		r := &gpuagentv1.WithdrawGpuRequest{Name: "n1", Uuid: "GPU-fake-n1-0", Undo: undo, Reason: "XID 79"}
		if _, err := a.nodes.WithdrawGpu(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}

	cordon(false)
	a.end()
	a = n.start()
	a.here("n1")
	if node, err := a.nodes.GetNode(t.Context(), &gpuagentv1.GetNodeRequest{Name: "n1"}); err != nil || node.GetStatus().GetCordonReason() != "fans" {
		t.Errorf("%v, %v", node, err)
	}
	if w := a.submit(shell("one", "true")); w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING || !strings.Contains(w.GetStatus().GetMessage(), "cordoned") {
		t.Errorf("%v", w.GetStatus())
	}
	withdraw(false)
	cordon(true)
	a.awaitEnd("one")

	second := shell("two", "true")
	second.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 1}
	if w := a.submit(second); w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		t.Errorf("a GPU that was withdrawn was given out: %v", w.GetStatus())
	}
	withdraw(true)
	a.awaitEnd("two")

	if _, err := a.nodes.CordonNode(t.Context(), &gpuagentv1.CordonNodeRequest{Name: "n9"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v of a node that is not there", err)
	}
	if _, err := a.nodes.WithdrawGpu(t.Context(), &gpuagentv1.WithdrawGpuRequest{Name: "n1", Uuid: "GPU-x"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("error %v of a GPU that is not there", err)
	}
}
