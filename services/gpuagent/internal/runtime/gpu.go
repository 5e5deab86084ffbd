package runtime

import (
	"slices"
	"strconv"
	"strings"
)

// Vendors of GPUs.
const (
	Nvidia = "nvidia"
	AMD    = "amd"
)

// GPU is one that a replica was given.
type GPU struct {
	UUID    string   // by which its vendor's programs know it
	Vendor  string   // one of those above
	Devices []string // paths of the devices that are its own; none where they are not known
}

// GPUsOf are the UUIDs of the GPUs of a vendor that a replica was given.
func (o Order) GPUsOf(vendor string) []string {
	var uuids []string
	for _, gpu := range o.GPUs {
		if gpu.Vendor == vendor {
			uuids = append(uuids, gpu.UUID)
		}
	}
	return uuids
}

// VisibleGPUs are the variables by which a process sees the GPUs of a vendor that it was
// given, and no others, as NAME=value; none where the node has none of the vendor's. ROCm
// takes UUIDs, and HIP above it takes positions among what ROCm shows; it takes CUDA's
// variable for its own where that of positions is not set.
func (o Order) VisibleGPUs(vendor string) []string {
	if !slices.Contains(o.GPUVendors, vendor) {
		return nil
	}
	uuids := o.GPUsOf(vendor)
	if vendor == Nvidia {
		return []string{"CUDA_VISIBLE_DEVICES=" + strings.Join(uuids, ",")}
	}
	positions := make([]string, len(uuids))
	for i := range uuids {
		positions[i] = strconv.Itoa(i)
	}
	return []string{"ROCR_VISIBLE_DEVICES=" + strings.Join(uuids, ","), "HIP_VISIBLE_DEVICES=" + strings.Join(positions, ",")}
}
