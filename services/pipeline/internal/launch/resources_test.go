package launch

import "testing"

func TestModelsOfAccelerators(t *testing.T) {
	for kind, want := range map[string]string{
		"nvidia.com/gpu": "nvidia", "gpu": "", "NVIDIA_TESLA_T4": "nvidia-tesla-t4", "nvidia.com/gpu.shared": "nvidia-shared",
		"nvidia.com/mig-3g.40gb": "mig-3g.40gb", "amd.com/gpu": "amd",
	} {
		if got := gpuModel(kind); got != want {
			t.Errorf("%s asks for the model %q, want %q", kind, got, want)
		}
	}
}
