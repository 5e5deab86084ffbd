package runtime

import (
	"slices"
	"testing"
)

func TestVisibleGPUs(t *testing.T) {
	for _, tt := range []struct {
		vendor string
		gpus   []string
		want   []string
	}{
		{"", nil, nil},
		{"nvidia", nil, []string{"CUDA_VISIBLE_DEVICES="}},
		{"nvidia", []string{"GPU-a", "MIG-b"}, []string{"CUDA_VISIBLE_DEVICES=GPU-a,MIG-b"}},
		{"amd", nil, []string{"ROCR_VISIBLE_DEVICES=", "HIP_VISIBLE_DEVICES="}},
		{"amd", []string{"GPU-1", "GPU-3"}, []string{"ROCR_VISIBLE_DEVICES=GPU-1,GPU-3", "HIP_VISIBLE_DEVICES=0,1"}},
	} {
		if got := VisibleGPUs(Order{GPUVendor: tt.vendor, GPUs: tt.gpus}); !slices.Equal(got, tt.want) {
			t.Errorf("%s, %v: got %q, want %q", tt.vendor, tt.gpus, got, tt.want)
		}
	}
}
