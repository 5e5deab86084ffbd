package gpuagent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// volumeOn makes a volume on a node.
func (a *agent) volumeOn(name, node string) error {
	_, err := a.volumes.CreateVolume(a.t.Context(), &gpuagentv1.CreateVolumeRequest{Volume: &gpuagentv1.PersistentVolume{
		Metadata: &metav1.ObjectMeta{Name: name, Labels: map[string]string{"kfmesh.dev/node": node}},
	}})
	return err
}

// claiming is a workload that mounts a volume, at a path that its shell is told.
func claiming(name, volume, script string) *gpuagentv1.Workload {
	w := shell(name, script)
	mountAt(w.Spec.Groups[0].Template, "/mnt/data", claim(volume))
	return w
}

// TestAVolumeOfANode: what mounts it runs there, waits for it with a sentence, and
// finds what was there before; and it goes with its directory.
func TestAVolumeOfANode(t *testing.T) {
	skipWithoutMounts(t)
	c := newCluster(t)
	head := c.head.start()
	second := c.node(2)
	a2 := second.start()
	head.here("n1", "n2")
	if err := head.volumeOn("data", "n9"); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "no node n9") {
		t.Errorf("a volume on a node that there is not: %v", err)
	}
	if err := head.volumeOn("data", "n2"); err != nil {
		t.Fatal(err)
	}
	head.submit(claiming("first", "data", `echo kept > /mnt/data/x`))
	if s := head.awaitEnd("first"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || s.GetReplicas()[0].GetNode() != "n2" {
		t.Fatalf("%v", s)
	}
	dir := filepath.Join(second.dir, "agent", "volumes", "default", "data")
	if text, err := os.ReadFile(filepath.Join(dir, "x")); err != nil || string(text) != "kept\n" {
		t.Errorf("on the node: %q, %v", text, err)
	}
	a2.end()
	eventually(t, "the node is missed", func() bool {
		list, err := head.nodes.ListNodes(t.Context(), &gpuagentv1.ListNodesRequest{})
		return err == nil && len(list.GetNodes()) == 1
	})
	head.submit(claiming("second", "data", `cat /mnt/data/x`))
	head.await("second", func(s *gpuagentv1.WorkloadStatus) bool {
		return strings.Contains(s.GetMessage(), "it has to run on node n2, where volume default/data is")
	})
	second.start()
	if s := head.awaitEnd("second"); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED || head.log("second") != "kept\n" {
		t.Errorf("%v", s)
	}
	if _, err := head.volumes.DeleteVolume(t.Context(), &gpuagentv1.DeleteVolumeRequest{Name: "data"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the volume is gone", func() bool {
		_, err := os.Stat(dir)
		return os.IsNotExist(err) && len(keys(t, c.head.store, "/kfmesh/gpuagent/volumes/")) == 0
	})
}
