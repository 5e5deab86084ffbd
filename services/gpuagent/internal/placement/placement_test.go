package placement

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

func node(gpus int) *gpuagentv1.Node {
	n := &gpuagentv1.Node{
		Metadata: &metav1.ObjectMeta{Name: "n1"},
		Status:   &gpuagentv1.NodeStatus{CpuMilli: 2000, MemoryBytes: 8 << 30},
	}
	for i := range gpus {
		n.Status.Gpus = append(n.Status.Gpus, &gpuagentv1.Gpu{Index: int32(i), Model: "NVIDIA H100 80GB HBM3"})
	}
	return n
}

func ask(count int32, r *gpuagentv1.Resources) *gpuagentv1.WorkloadSpec {
	return &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{
		{Name: "worker", Count: count, Template: &gpuagentv1.Template{Resources: r}},
	}}
}

func TestReserve(t *testing.T) {
	tests := []struct {
		name string
		spec *gpuagentv1.WorkloadSpec
		says string // empty: it fits
	}{
		{"nothing asked", ask(0, nil), ""},
		{"CPUs are promised twice", ask(8, &gpuagentv1.Resources{CpuMilli: 2000}), ""},
		{"more CPUs than exist", ask(1, &gpuagentv1.Resources{CpuMilli: 2500}), "asks for 2.5, and node n1, the largest, has 2"},
		{"more memory than exists", ask(1, &gpuagentv1.Resources{MemoryBytes: 9 << 30}), "has 8.0 GiB"},
		{"more memory than is free", ask(2, &gpuagentv1.Resources{MemoryBytes: 3 << 30}), "waits for memory: it asks for 6.0 GiB, and 4.0 GiB of the 8.0 GiB"},
		{"GPUs", ask(3, &gpuagentv1.Resources{Gpus: 1, GpuModel: "nvidia-h100"}), ""},
		{"GPUs that are held", ask(2, &gpuagentv1.Resources{Gpus: 2}), "3 of the 4 of node n1 are free"},
		{"another model", ask(1, &gpuagentv1.Resources{Gpus: 1, GpuModel: "nvidia-a100"}), "GPUs of model nvidia-a100"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := New(node(4), 10)
			b.Restore("other", Grant{MemoryBytes: 4 << 30, GPUs: [][]int32{{2}}})
			grant, says := b.Reserve("w", tt.spec)
			if (says == "") != (tt.says == "") || !strings.Contains(says, tt.says) {
				t.Errorf("says %q, want %q", says, tt.says)
			}
			if says != "" && len(grant.GPUs) > 0 {
				t.Errorf("a workload that waits holds %v", grant)
			}
		})
	}
}

func TestAFullNode(t *testing.T) {
	b := New(node(0), 1)
	if _, says := b.Reserve("a", ask(1, nil)); says != "" {
		t.Fatal(says)
	}
	if _, says := b.Reserve("b", ask(1, nil)); says != "waits for its turn: node n1 runs 1 workloads at once" {
		t.Errorf("says %q", says)
	}
	b.Release("a")
	if _, says := b.Reserve("b", ask(1, nil)); says != "" {
		t.Error(says)
	}
}

// TestNoGPUIsHeldTwice reserves and releases at random.
func TestNoGPUIsHeldTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := New(node(8), 1000)
		live := map[string][][]int32{}
		t.Repeat(map[string]func(*rapid.T){
			"reserve": func(t *rapid.T) {
				uid := rapid.StringMatching("[a-f]{2}").Draw(t, "uid")
				if live[uid] != nil {
					t.Skip("taken")
				}
				count, gpus := rapid.Int32Range(1, 4).Draw(t, "count"), rapid.Int32Range(0, 4).Draw(t, "gpus")
				if grant, says := b.Reserve(uid, ask(count, &gpuagentv1.Resources{Gpus: gpus})); says == "" {
					live[uid] = grant.GPUs
				}
			},
			"release": func(t *rapid.T) {
				for uid := range live {
					b.Release(uid)
					delete(live, uid)
					return
				}
			},
			"": func(t *rapid.T) {
				held := map[int32]string{}
				for uid, replicas := range live {
					for _, gpus := range replicas {
						for _, gpu := range gpus {
							if other := held[gpu]; other != "" {
								t.Fatalf("GPU %d is held by %s and %s", gpu, uid, other)
							}
							held[gpu] = uid
						}
					}
				}
			},
		})
	})
}

func TestPorts(t *testing.T) {
	p := NewPorts()
	first, err := p.Allot("a", 0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := p.Allot("b", first)
	if err != nil || second == first {
		t.Fatalf("port %d was promised twice (%v)", second, err)
	}
	p.Release("a")
	again, err := p.Allot("c", first)
	if err != nil || again != first {
		t.Errorf("a free preferred port was not given: %d, want %d (%v)", again, first, err)
	}
}
