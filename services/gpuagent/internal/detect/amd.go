package detect

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// AMD lists AMD GPUs as the amdgpu driver shows them in sysfs: the compute topology of
// kfd, and the device beside each graphics card. It needs no library.
type AMD struct{ root string } // of the file system

// Driver implements GPUs.
func (a AMD) Driver() string {
	if len(a.topology()) == 0 {
		return ""
	}
	if version := a.text("sys/module/amdgpu/version"); version != "" {
		return "sysfs, amdgpu " + version
	}
	return "sysfs, amdgpu"
}

// Watch implements GPUs: what is wrong shows in lists.
func (AMD) Watch(context.Context, func(Trouble)) error { return nil }

// List implements GPUs, in the order of kfd's topology, which is that of ROCm.
func (a AMD) List(context.Context) ([]*gpuagentv1.Gpu, error) {
	cards := a.cards()
	var gpus []*gpuagentv1.Gpu
	at := map[int]int{} // position by number of the topology's node
	nodes := a.topology()
	for _, n := range nodes {
		at[n.number] = len(gpus)
		gpus = append(gpus, a.gpu(int32(len(gpus)), n, cards[n.minor()]))
	}
	var joined [][2]int
	for _, n := range nodes {
		for _, to := range n.linked {
			if peer, ok := at[to]; ok {
				joined = append(joined, [2]int{at[n.number], peer})
			}
		}
	}
	group(gpus, joined)
	return gpus, nil
}

func (a AMD) gpu(index int32, n kfdNode, device string) *gpuagentv1.Gpu {
	gpu := &gpuagentv1.Gpu{
		Index: index, Vendor: VendorAMD, Uuid: fmt.Sprintf("GPU-%016x", uint64(n.values["unique_id"])), Model: a.model(n, device),
		MemoryBytes: n.memory,
	}
	if n.values["unique_id"] == 0 { // cards for games have none; ROCm takes positions for names, too
		gpu.Uuid = strconv.Itoa(int(index))
	}
	if n.values["unique_id"] != 0 { // else it would have another position once others are kept from who uses it
		gpu.DeviceNodes = drmNodes(a.root, n.minor(), device)
	}
	if device == "" {
		gpu.Problem = "the driver shows no device for it"
		return gpu
	}
	if bus, err := filepath.EvalSymlinks(filepath.Join(a.root, device)); err == nil {
		gpu.PciBusId = filepath.Base(bus)
	}
	if numa, err := strconv.ParseInt(a.text(device+"/numa_node"), 10, 32); err == nil && numa >= 0 {
		gpu.NumaNode = new(int32(numa))
	}
	if total := a.number(device + "/mem_info_vram_total"); total > 0 {
		gpu.MemoryBytes = total
	}
	gpu.Usage = a.usage(device)
	gpu.Problem = eccProblem(gpu.GetUsage().GetEccUncorrected(), false)
	return gpu
}

// usage is what a card does. Sensors are those of its one hwmon: millidegrees,
// microwatts.
func (a AMD) usage(device string) *gpuagentv1.GpuUsage {
	u := &gpuagentv1.GpuUsage{
		UtilizationPercent:       float64(a.number(device + "/gpu_busy_percent")),
		MemoryUtilizationPercent: float64(a.number(device + "/mem_busy_percent")),
		MemoryUsedBytes:          a.number(device + "/mem_info_vram_used"),
	}
	sensors, _ := filepath.Glob(filepath.Join(a.root, device, "hwmon/hwmon*"))
	for _, dir := range sensors {
		dir, _ = filepath.Rel(a.root, dir)
		u.TemperatureCelsius = float64(a.number(dir+"/temp1_input")) / 1000
		u.PowerWatts = float64(max(a.number(dir+"/power1_average"), a.number(dir+"/power1_input"))) / 1e6
		u.SmClockMhz = int32(a.number(dir+"/freq1_input") / 1e6)
		u.MemoryClockMhz = int32(a.number(dir+"/freq2_input") / 1e6)
	}
	counts, _ := filepath.Glob(filepath.Join(a.root, device, "ras/*_err_count"))
	for _, path := range counts {
		path, _ = filepath.Rel(a.root, path)
		uncorrected, corrected := parseRAS(a.text(path))
		u.EccUncorrected, u.EccCorrected = u.EccUncorrected+uncorrected, u.EccCorrected+corrected
	}
	return u
}

// parseRAS reads the errors of a block of a card: lines "ue: 0" and "ce: 2".
func parseRAS(text string) (uncorrected, corrected int64) {
	for line := range strings.Lines(text) {
		kind, count, _ := strings.Cut(line, ":")
		n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
		switch {
		case err != nil || n < 0:
		case strings.TrimSpace(kind) == "ue":
			uncorrected = n
		case strings.TrimSpace(kind) == "ce":
			corrected = n
		}
	}
	return uncorrected, corrected
}

// amdModels are the names of cards for computing by their PCI device id.
var amdModels = map[int64]string{
	0x738c: "AMD Instinct MI100", 0x7408: "AMD Instinct MI250X", 0x740c: "AMD Instinct MI250", 0x740f: "AMD Instinct MI210",
	0x74a0: "AMD Instinct MI300A", 0x74a1: "AMD Instinct MI300X", 0x74a2: "AMD Instinct MI308X", 0x74a5: "AMD Instinct MI325X",
	0x75a0: "AMD Instinct MI350X", 0x75a3: "AMD Instinct MI355X",
}

// model is what a card is called: as the driver says, as is known of its device, or by the
// version of its instruction set.
func (a AMD) model(n kfdNode, device string) string {
	if name := a.text(device + "/product_name"); device != "" && name != "" {
		if !strings.HasPrefix(name, "AMD") {
			name = "AMD " + name
		}
		return name
	}
	if name := amdModels[n.values["device_id"]]; name != "" {
		return name
	}
	v := n.values["gfx_target_version"] // 90402 is gfx942
	return fmt.Sprintf("AMD gfx%d%d%x", v/10000, v/100%100, v%100)
}

// cards are the devices of AMD's graphics cards by the minor number of their render
// nodes, as paths below the root.
func (a AMD) cards() map[int64]string {
	cards := map[int64]string{}
	found, _ := filepath.Glob(filepath.Join(a.root, "sys/class/drm/renderD*"))
	for _, path := range found {
		minor, err := strconv.ParseInt(strings.TrimPrefix(filepath.Base(path), "renderD"), 10, 64)
		device := filepath.Join("sys/class/drm", filepath.Base(path), "device")
		if err == nil && a.text(device+"/vendor") == "0x1002" {
			cards[minor] = device
		}
	}
	return cards
}

// kfdNode is a node of the topology that has a GPU.
type kfdNode struct {
	number int
	values map[string]int64 // of its properties
	memory int64            // bytes
	linked []int            // nodes that it is joined to by XGMI
}

func (n kfdNode) minor() int64 { return n.values["drm_render_minor"] }

// xgmi is the type of links between GPUs that are AMD's NVLink (kfd_topology.h).
const xgmi = 11

// topology reads the nodes with GPUs, by number.
func (a AMD) topology() []kfdNode {
	const nodes = "sys/class/kfd/kfd/topology/nodes"
	found, _ := filepath.Glob(filepath.Join(a.root, nodes, "*"))
	byNumber := map[int]kfdNode{}
	for _, path := range found {
		number, err := strconv.Atoi(filepath.Base(path))
		dir := filepath.Join(nodes, filepath.Base(path))
		n := kfdNode{number: number, values: parseProperties(a.text(dir + "/properties"))}
		if err != nil || n.values["simd_count"] == 0 { // it has processors alone
			continue
		}
		for _, bank := range a.below(dir, "mem_banks/*/properties") {
			n.memory += parseProperties(bank)["size_in_bytes"]
		}
		for _, link := range a.below(dir, "io_links/*/properties") {
			if p := parseProperties(link); p["type"] == xgmi {
				n.linked = append(n.linked, int(p["node_to"]))
			}
		}
		byNumber[number] = n
	}
	var all []kfdNode
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		all = append(all, byNumber[number])
	}
	return all
}

// below are the contents of the files that match.
func (a AMD) below(dir, pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(a.root, dir, pattern))
	var texts []string
	for _, path := range found {
		if path, err := filepath.Rel(a.root, path); err == nil {
			texts = append(texts, a.text(path))
		}
	}
	return texts
}

// parseProperties reads lines such as "simd_count 304". Numbers may need all 64 bits.
func parseProperties(text string) map[string]int64 {
	values := map[string]int64{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			values[name] = int64(n)
		}
	}
	return values
}

// text is the content of a file below the root; empty when it cannot be read.
func (a AMD) text(path string) string {
	text, err := os.ReadFile(filepath.Join(a.root, path))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// number is that in a file; 0 when there is none.
func (a AMD) number(path string) int64 {
	n, err := strconv.ParseInt(a.text(path), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
