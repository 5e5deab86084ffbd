package detect

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// group numbers the GPUs that are close to each other: those that pairs of positions
// join, directly or by way of others, and when there are none those of one NUMA node.
func group(gpus []*gpuagentv1.Gpu, joined [][2]int) {
	if len(joined) == 0 {
		for _, gpu := range gpus {
			if gpu.NumaNode != nil {
				gpu.LinkGroup = gpu.GetNumaNode() + 1
			}
		}
		return
	}
	root := make([]int, len(gpus))
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			i = root[i]
		}
		return i
	}
	for _, pair := range joined {
		root[max(find(pair[0]), find(pair[1]))] = min(find(pair[0]), find(pair[1]))
	}
	numbers := map[int]int32{}
	for i, gpu := range gpus {
		first := find(i)
		if numbers[first] == 0 {
			numbers[first] = int32(len(numbers) + 1)
		}
		gpu.LinkGroup = numbers[first]
	}
}

// numaNode is the NUMA node of a PCI device, "00000000:3B:00.0" or "0000:3b:00.0", from
// sysfs; nil when it is not known.
func numaNode(root, bus string) *int32 {
	bus = shortBus(bus)
	if bus == "" || strings.Contains(bus, "/") {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(root, "sys/bus/pci/devices", bus, "numa_node"))
	if err != nil {
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 32)
	if err != nil || n < 0 { // -1: the machine has no NUMA nodes, or does not say
		return nil
	}
	return new(int32(n))
}

// shortBus is an address on the PCI bus as the kernel writes it: with a domain of four
// digits, of which NVIDIA writes eight, in lower case.
func shortBus(bus string) string {
	bus = strings.ToLower(bus)
	if domain, rest, ok := strings.Cut(bus, ":"); ok && len(domain) > 4 {
		return domain[len(domain)-4:] + ":" + rest
	}
	return bus
}
