package detect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Parts of GPUs that are given out by themselves are named as NVIDIA's device plugin for
// Kubernetes names their products: "NVIDIA H100 80GB HBM3 MIG-1g.10gb", "Tesla T4 SHARED".

// parts is how many numbers a GPU has for its parts, as Gpu.index says.
const parts = 1000

// PartIndex is the number on the node of the k-th part of a GPU.
func PartIndex(gpu int32, k int) int32 { return parts*(gpu+1) + int32(k) }

// wholeIndex is the number of the GPU that a number means, or a part of which.
func wholeIndex(index int32) int32 {
	if index >= parts {
		return index/parts - 1
	}
	return index
}

// after is a number of a GPU, or of a part of one, where so many whole ones come before.
func after(index, before int32) int32 {
	if index >= parts {
		return index + parts*before
	}
	return index + before
}

// migDevice is the k-th MIG device of a GPU.
func migDevice(of *gpuagentv1.Gpu, k int, uuid, profile string, memory int64) *gpuagentv1.Gpu {
	return &gpuagentv1.Gpu{
		Index: PartIndex(of.GetIndex(), k), Uuid: uuid, Model: of.GetModel() + " MIG-" + profile, MemoryBytes: memory,
		PciBusId: of.GetPciBusId(), Problem: of.GetProblem(), NumaNode: of.NumaNode, LinkGroup: of.GetLinkGroup(), Vendor: of.GetVendor(),
		Profile: profile, ParentUuid: of.GetUuid(), Usage: of.GetUsage(), DeviceNodes: slices.Clone(of.GetDeviceNodes()),
	}
}

// share is the k-th of n shares in the time of a GPU. Nothing keeps its memory from the
// others.
func share(of *gpuagentv1.Gpu, k, n int) *gpuagentv1.Gpu {
	return &gpuagentv1.Gpu{
		Index: PartIndex(of.GetIndex(), k), Uuid: fmt.Sprintf("%s::%d", of.GetUuid(), k), Model: of.GetModel() + " SHARED",
		MemoryBytes: of.GetMemoryBytes(), PciBusId: of.GetPciBusId(), Problem: of.GetProblem(), NumaNode: of.NumaNode,
		LinkGroup: of.GetLinkGroup(), Vendor: of.GetVendor(), ParentUuid: of.GetUuid(), Shares: int32(n), Usage: of.GetUsage(),
		DeviceNodes: of.GetDeviceNodes(),
	}
}

// profileText is what profiles of MIG devices look like: slices, of computing where they
// are fewer, memory, and what is added: "1g.10gb", "1c.3g.40gb", "1g.10gb+me".
var profileText = regexp.MustCompile(`^([0-9]+c\.)?[0-9]+g\.([0-9]+)gb(\+[a-z.]+)?$`)

// profileMemory is the memory of a profile in bytes; 0 for what is none.
func profileMemory(profile string) int64 {
	match := profileText.FindStringSubmatch(profile)
	if match == nil {
		return 0
	}
	gigabytes, err := strconv.ParseInt(match[2], 10, 32)
	if err != nil {
		return 0
	}
	return gigabytes << 30
}
