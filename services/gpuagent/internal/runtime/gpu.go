package runtime

import (
	"strconv"
	"strings"
)

// VisibleGPUs are the variables by which a process sees the GPUs that it was given, and no
// others, as NAME=value. ROCm takes UUIDs, and HIP above it takes positions among what
// ROCm shows; it takes CUDA's variable for its own, so that is not set.
func VisibleGPUs(o Order) []string {
	switch o.GPUVendor {
	case "":
		return nil
	case "amd":
		positions := make([]string, len(o.GPUs))
		for i := range o.GPUs {
			positions[i] = strconv.Itoa(i)
		}
		return []string{"ROCR_VISIBLE_DEVICES=" + strings.Join(o.GPUs, ","), "HIP_VISIBLE_DEVICES=" + strings.Join(positions, ",")}
	default:
		return []string{"CUDA_VISIBLE_DEVICES=" + strings.Join(o.GPUs, ",")}
	}
}
