package gpuagent_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// TestQueuesHoldBack has a workload wait for its queue's quota, also over a restart
// of the agent, until the queue is deleted.
func TestQueuesHoldBack(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs = "4xH100" }
	a := n.start()
	q := &gpuagentv1.Queue{Metadata: &metav1.ObjectMeta{Name: "q"}, Spec: &gpuagentv1.QueueSpec{GpuQuota: proto.Int32(1)}}
	if _, err := a.queues.CreateQueue(t.Context(), &gpuagentv1.CreateQueueRequest{Queue: q}); err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(n.dir, "done")
	started := func(name string) string { return filepath.Join(n.dir, name) }
	for _, name := range []string{"one", "two"} {
		w := shell(name, fmt.Sprintf("echo > %s; while [ ! -e %s ]; do sleep 0.01; done", started(name), done))
		w.Spec.Queue = "q"
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: 1}
		a.submit(w)
	}
	awaitFile(t, started("one"))
	for range 2 {
		jobs, err := a.queues.ListWaiting(t.Context(), &gpuagentv1.ListWaitingRequest{Name: "q"})
		if err != nil || len(jobs.GetWaiting()) != 1 || len(jobs.GetRunning()) != 1 {
			t.Fatalf("in the queue are %v (%v)", jobs, err)
		}
		if w := jobs.GetWaiting()[0]; w.GetName() != "two" || !strings.HasPrefix(w.GetReason(), "waits for quota: queue q has 1 GPU, uses 1 and asks for 1") {
			t.Errorf("waiting is %v", w)
		}
		got, err := a.queues.GetQueue(t.Context(), &gpuagentv1.GetQueueRequest{Name: "q"})
		if s := got.GetStatus(); err != nil || s.GetUsedGpus() != 1 || s.GetWaiting() != 1 || s.GetRunning() != 1 {
			t.Errorf("the queue stands so: %v (%v)", got, err)
		}
		a.end()
		a = n.start()
	}
	if _, err := a.queues.DeleteQueue(t.Context(), &gpuagentv1.DeleteQueueRequest{Name: "q"}); err != nil {
		t.Fatal(err)
	}
	awaitFile(t, started("two"))
	touch(t, done)
	for _, name := range []string{"one", "two"} {
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: %v", name, s)
		}
	}
}

// TestQuotasCountPartsOfGPUs has shares and MIG devices count what they are of a GPU, also
// after a restart of the agent.
func TestQuotasCountPartsOfGPUs(t *testing.T) {
	n := newNode(t)
	n.configure = func(c *gpuagent.Config) { c.FakeGPUs, c.GPUShares = "2xT4,1xA100:mig-3g.40gb*2", "T4=4" }
	a := n.start()
	q := &gpuagentv1.Queue{Metadata: &metav1.ObjectMeta{Name: "q"}, Spec: &gpuagentv1.QueueSpec{GpuQuota: proto.Int32(1)}}
	if _, err := a.queues.CreateQueue(t.Context(), &gpuagentv1.CreateQueueRequest{Queue: q}); err != nil {
		t.Fatal(err)
	}
	done := filepath.Join(n.dir, "done")
	submit := func(name string, gpus int32, model string) *gpuagentv1.WorkloadStatus {
		w := shell(name, fmt.Sprintf("echo > %s; while [ ! -e %s ]; do sleep 0.01; done", filepath.Join(n.dir, name), done))
		w.Spec.Queue = "q"
		w.Spec.Groups[0].Template.Resources = &gpuagentv1.Resources{Gpus: gpus, GpuModel: model}
		return a.submit(w).GetStatus()
	}
	submit("shares", 2, "nvidia-shared")
	submit("mig", 1, "mig-3g.40gb")
	awaitFile(t, filepath.Join(n.dir, "shares"))
	awaitFile(t, filepath.Join(n.dir, "mig"))
	if got, want := submit("third", 1, "nvidia-shared").GetMessage(), "waits for quota: queue q has 1 GPU, uses 0.92 and asks for 0.25"; got != want {
		t.Errorf("the third %q, want %q", got, want)
	}
	for range 2 {
		got, err := a.queues.GetQueue(t.Context(), &gpuagentv1.GetQueueRequest{Name: "q"})
		if used := got.GetStatus().GetGpusUsed(); err != nil || used < 0.9285 || used > 0.9286 || got.GetStatus().GetUsedGpus() != 1 {
			t.Errorf("the queue stands so: %v (%v)", got, err)
		}
		a.end()
		a = n.start()
		a.here("n1")
	}
	touch(t, done)
	for _, name := range []string{"shares", "mig", "third"} {
		if s := a.awaitEnd(name); s.GetPhase() != gpuagentv1.Phase_PHASE_SUCCEEDED {
			t.Errorf("%s: %v", name, s)
		}
	}
}
