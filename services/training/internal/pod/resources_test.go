package pod

import "testing"

func TestModelsOfResources(t *testing.T) {
	for name, want := range map[string]string{
		"nvidia.com/gpu": "nvidia", "gpu.intel.com/i915": "intel", "nvidia.com/gpu.shared": "nvidia-shared", "example.com/gpu": "example.com", "nvidia.com/mig-1g.10gb": "mig-1g.10gb",
		"nvidia.com/mig-1g.10gb.me": "mig-1g.10gb.me", "amd.com/gpu": "amd",
	} {
		if !isGPU(name) {
			t.Errorf("%s is not taken for a GPU", name)
		}
		if got := gpuModel(name); got != want {
			t.Errorf("%s asks for the model %q, want %q", name, got, want)
		}
	}
}
