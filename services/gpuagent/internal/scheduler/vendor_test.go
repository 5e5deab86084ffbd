package scheduler

import "testing"

func TestVendors(t *testing.T) {
	tesla, h100, instinct := GPU{Model: "Tesla T4", Vendor: "nvidia"}, GPU{Model: "NVIDIA H100 80GB HBM3", Vendor: "nvidia"}, GPU{Model: "AMD Instinct MI300X", Vendor: "amd"}
	for _, tt := range []struct {
		gpu   GPU
		want  string
		suits bool
	}{
		{tesla, "nvidia", true}, // though its name does not say so
		{tesla, "nvidia-tesla-t4", true},
		{tesla, "amd", false},
		{tesla, "intel", false},
		{tesla, "", true},
		{h100, "nvidia", true},
		{h100, "nvidia-t4", false},
		{instinct, "nvidia", false},
		{instinct, "amd", true},
		{instinct, "amd-mi300x", true},
		{instinct, "", true},
		{GPU{Model: "Tesla T4 SHARED", Vendor: "nvidia"}, "nvidia-shared", true},
		{GPU{Model: "Tesla T4 SHARED", Vendor: "nvidia"}, "nvidia", false},
		{GPU{Model: "AMD Instinct MI300X SHARED", Vendor: "amd"}, "nvidia-shared", false},
		{GPU{Model: "NVIDIA H100"}, "nvidia", true}, // of an agent that does not tell
	} {
		if got := suits(tt.gpu, tt.want); got != tt.suits {
			t.Errorf("%v for who asks for %q: %v", tt.gpu, tt.want, got)
		}
	}
}

// TestANodeOfBothVendors gives who asks for a vendor its GPUs alone, and who asks for none
// those of one.
func TestANodeOfBothVendors(t *testing.T) {
	s := New(Policy{})
	n := Node{Name: "n1", CPUMilli: 64000, MemoryBytes: 1 << 40}
	for i, gpu := range []GPU{{Model: "Tesla T4", Vendor: "nvidia"}, {Model: "Tesla T4", Vendor: "nvidia"}, {Model: "AMD MI300X", Vendor: "amd"}} {
		gpu.Index = int32(i)
		n.GPUs = append(n.GPUs, gpu)
	}
	s.SetNode(n)
	of := func(model string) func(*Job) { return func(j *Job) { j.Groups[0].Need.GPUModel = model } }
	submit(s, with(gang("a", 1, 2), of("amd")), with(gang("b", 1, 1), of("amd")), gang("c", 1, 3), with(gang("d", 1, 1), of("nvidia")), gang("e", 1, 2))
	expect(t, s, 0,
		"a waits for a node with more GPUs of AMD's: each replica of worker asks for 2, and node n1, the largest, has 1 (hopeless)",
		"place b: n1[2]",
		"c waits for a node with more GPUs: each replica of worker asks for 3, and node n1, the largest, has 2 (hopeless)",
		"place d: n1[0]",
		"e waits for GPUs: worker asks for 2 for each of 1 replica, and 1 of the 2 of node n1 are free")
	s.Submit(with(gang("f", 1, 1), of("amd")))
	expect(t, s, 0, "f waits for GPUs of AMD's: worker asks for 1 for each of 1 replica, and 0 of the 1 of node n1 are free")
	s.Release("d")
	expect(t, s, 0, "place e: n1[0 1]")
}
