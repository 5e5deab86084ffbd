package runtime

import (
	"slices"
	"testing"
)

func TestVisibleGPUs(t *testing.T) {
	nvidia := []GPU{{UUID: "GPU-a", Vendor: Nvidia}, {UUID: "MIG-b", Vendor: Nvidia}}
	amd := []GPU{{UUID: "GPU-1", Vendor: AMD}, {UUID: "GPU-3", Vendor: AMD}}
	for name, tt := range map[string]struct {
		has  []string // vendors
		gpus []GPU
		want []string
	}{
		"a node without":          {nil, nil, nil},
		"none of NVIDIA's":        {[]string{Nvidia}, nil, []string{"CUDA_VISIBLE_DEVICES="}},
		"some of NVIDIA's":        {[]string{Nvidia}, nvidia, []string{"CUDA_VISIBLE_DEVICES=GPU-a,MIG-b"}},
		"none of AMD's":           {[]string{AMD}, nil, []string{"ROCR_VISIBLE_DEVICES=", "HIP_VISIBLE_DEVICES="}},
		"some of AMD's":           {[]string{AMD}, amd, []string{"ROCR_VISIBLE_DEVICES=GPU-1,GPU-3", "HIP_VISIBLE_DEVICES=0,1"}},
		"NVIDIA's where both are": {[]string{Nvidia, AMD}, nvidia, []string{"CUDA_VISIBLE_DEVICES=GPU-a,MIG-b", "ROCR_VISIBLE_DEVICES=", "HIP_VISIBLE_DEVICES="}},
		"AMD's where both are":    {[]string{Nvidia, AMD}, amd, []string{"CUDA_VISIBLE_DEVICES=", "ROCR_VISIBLE_DEVICES=GPU-1,GPU-3", "HIP_VISIBLE_DEVICES=0,1"}},
		"none where both are":     {[]string{Nvidia, AMD}, nil, []string{"CUDA_VISIBLE_DEVICES=", "ROCR_VISIBLE_DEVICES=", "HIP_VISIBLE_DEVICES="}},
	} {
		t.Run(name, func(t *testing.T) {
			o := Order{GPUVendors: tt.has, GPUs: tt.gpus}
			if got := slices.Concat(o.VisibleGPUs(Nvidia), o.VisibleGPUs(AMD)); !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
