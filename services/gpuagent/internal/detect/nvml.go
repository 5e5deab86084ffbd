//go:build cgo && linux

package detect

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/NVIDIA/go-nvml/pkg/nvml"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// NVML tells whether this program can ask NVIDIA's own library.
const NVML = true

// library is NVML as far as it is used. What a GPU does not tell is not known, and no
// error of the list.
type library interface {
	Init() nvml.Return
	DeviceGetCount() (int, nvml.Return)
	DeviceGetHandleByIndex(int) (nvml.Device, nvml.Return)
	SystemGetDriverVersion() (string, nvml.Return)
	EventSetCreate() (nvml.EventSet, nvml.Return)
}

// nvmlGPUs lists NVIDIA GPUs through NVML, the library of the driver.
type nvmlGPUs struct {
	lib  library
	root string // of the file system

	mu   sync.Mutex
	seen map[string]uint64 // guarded by mu; when the last sample of processes was taken, by UUID
	xids map[string]int32  // guarded by mu; the last error, by UUID
}

// openNVML loads the library, which the driver brings. The error tells that there is none.
func openNVML(root string) (GPUs, error) { return newNVML(nvml.New(), root) }

func newNVML(lib library, root string) (GPUs, error) {
	if ret := lib.Init(); ret != nvml.SUCCESS {
		return nil, fmt.Errorf("NVML cannot be used: %w", ret)
	}
	return &nvmlGPUs{lib: lib, root: root, seen: map[string]uint64{}, xids: map[string]int32{}}, nil
}

// Driver implements GPUs.
func (n *nvmlGPUs) Driver() string {
	version, ret := n.lib.SystemGetDriverVersion()
	if ret != nvml.SUCCESS {
		return "NVML"
	}
	return "NVML, driver " + version
}

// List implements GPUs.
func (n *nvmlGPUs) List(context.Context) ([]*gpuagentv1.Gpu, error) {
	devices, err := n.devices()
	if err != nil {
		return nil, err
	}
	gpus := make([]*gpuagentv1.Gpu, len(devices))
	for i, d := range devices {
		if gpus[i], err = n.gpu(i, d); err != nil {
			return nil, err
		}
	}
	group(gpus, joined(gpus, devices))
	var units []*gpuagentv1.Gpu
	for i, d := range devices {
		units = append(units, n.units(gpus[i], d)...)
	}
	return units, nil
}

func (n *nvmlGPUs) devices() ([]nvml.Device, error) {
	count, ret := n.lib.DeviceGetCount()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("count GPUs: %w", ret)
	}
	devices := make([]nvml.Device, count)
	for i := range devices {
		if devices[i], ret = n.lib.DeviceGetHandleByIndex(i); ret != nvml.SUCCESS {
			return nil, fmt.Errorf("open GPU %d: %w", i, ret)
		}
	}
	return devices, nil
}

// known is a value that was told, and the zero one otherwise.
func known[T any](value T, ret nvml.Return) T {
	if ret != nvml.SUCCESS {
		var none T
		return none
	}
	return value
}

func (n *nvmlGPUs) gpu(i int, d nvml.Device) (*gpuagentv1.Gpu, error) {
	uuid, ret := d.GetUUID()
	if ret != nvml.SUCCESS {
		return nil, fmt.Errorf("name GPU %d: %w", i, ret)
	}
	bus := busID(known(d.GetPciInfo()))
	usage := n.usage(uuid, d)
	var nodes []*gpuagentv1.DeviceNode
	if minor, ret := d.GetMinorNumber(); ret == nvml.SUCCESS {
		nodes = nvidiaNode(n.root, minor)
	}
	return &gpuagentv1.Gpu{
		Index: int32(i), Uuid: uuid, Model: known(d.GetName()), MemoryBytes: int64(known(d.GetMemoryInfo()).Total),
		PciBusId: bus, NumaNode: numaNode(n.root, bus), Vendor: VendorNvidia, Usage: usage,
		Problem: eccProblem(usage.GetEccUncorrected(), usage.GetRemapFailed()), DeviceNodes: nodes,
	}, nil
}

// busID is text of C.
func busID(info nvml.PciInfo) string {
	var text []byte
	for _, c := range info.BusId {
		if c == 0 {
			break
		}
		text = append(text, byte(c))
	}
	return string(text)
}

// usage is what a GPU does.
func (n *nvmlGPUs) usage(uuid string, d nvml.Device) *gpuagentv1.GpuUsage {
	rates := known(d.GetUtilizationRates())
	u := &gpuagentv1.GpuUsage{
		UtilizationPercent: float64(rates.Gpu), MemoryUtilizationPercent: float64(rates.Memory),
		MemoryUsedBytes:    int64(known(d.GetMemoryInfo()).Used),
		TemperatureCelsius: float64(known(d.GetTemperature(nvml.TEMPERATURE_GPU))),
		PowerWatts:         float64(known(d.GetPowerUsage())) / 1000,
		EnergyMillijoules:  int64(known(d.GetTotalEnergyConsumption())),
		SmClockMhz:         int32(known(d.GetClockInfo(nvml.CLOCK_SM))),
		MemoryClockMhz:     int32(known(d.GetClockInfo(nvml.CLOCK_MEM))),
		EccUncorrected:     int64(known(d.GetTotalEccErrors(nvml.MEMORY_ERROR_TYPE_UNCORRECTED, nvml.VOLATILE_ECC))),
		EccCorrected:       int64(known(d.GetTotalEccErrors(nvml.MEMORY_ERROR_TYPE_CORRECTED, nvml.VOLATILE_ECC))),
		NvlinkBytes:        nvlinkBytes(d),
		Processes:          n.processes(uuid, d),
	}
	if corrected, uncorrected, _, failed, ret := d.GetRemappedRows(); ret == nvml.SUCCESS {
		u.RemappedCorrected, u.RemappedUncorrected, u.RemapFailed = int32(corrected), int32(uncorrected), failed
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	u.Xid = n.xids[uuid]
	return u
}

// allLinks is the scope of a field that means all NVLinks of a GPU (nvml.h).
const allLinks = math.MaxUint32

// nvlinkBytes adds up what went over all links, both ways.
func nvlinkBytes(d nvml.Device) int64 {
	values := []nvml.FieldValue{
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_TX, ScopeId: allLinks},
		{FieldId: nvml.FI_DEV_NVLINK_THROUGHPUT_DATA_RX, ScopeId: allLinks},
	}
	if d.GetFieldValues(values) != nvml.SUCCESS {
		return 0
	}
	var kibibytes uint64
	for _, v := range values {
		if nvml.Return(v.NvmlReturn) == nvml.SUCCESS {
			kibibytes += littleEndian(v.Value)
		}
	}
	return int64(kibibytes << 10)
}

func littleEndian(bytes [8]byte) uint64 {
	var n uint64
	for i, b := range bytes {
		n |= uint64(b) << (8 * i)
	}
	return n
}

// processes are those that use a GPU. How busy they kept it is known from samples since
// the last time, of which the last counts.
func (n *nvmlGPUs) processes(uuid string, d nvml.Device) []*gpuagentv1.GpuProcess {
	running, ret := d.GetComputeRunningProcesses()
	if ret != nvml.SUCCESS {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	busy := map[uint32]uint32{}
	last := n.seen[uuid]
	for _, s := range known(d.GetProcessUtilization(last)) {
		busy[s.Pid] = s.SmUtil
		n.seen[uuid] = max(n.seen[uuid], s.TimeStamp)
	}
	var all []*gpuagentv1.GpuProcess
	for _, p := range running {
		process := &gpuagentv1.GpuProcess{Pid: int64(p.Pid), UtilizationPercent: float64(busy[p.Pid])}
		if p.UsedGpuMemory != math.MaxUint64 { // "not available"
			process.MemoryBytes = int64(p.UsedGpuMemory)
		}
		all = append(all, process)
	}
	return all
}

// joined are the pairs of GPUs that NVLinks join, directly or by way of switches: what
// hangs on switches is joined to all that does.
func joined(gpus []*gpuagentv1.Gpu, devices []nvml.Device) [][2]int {
	at := map[string]int{}
	for i, gpu := range gpus {
		at[gpu.GetPciBusId()] = i
	}
	var pairs [][2]int
	switched := -1
	for i, d := range devices {
		for link := range nvml.NVLINK_MAX_LINKS {
			if known(d.GetNvLinkState(link)) != nvml.FEATURE_ENABLED {
				continue
			}
			if peer, ok := at[busID(known(d.GetNvLinkRemotePciInfo(link)))]; ok && peer != i {
				pairs = append(pairs, [2]int{i, peer})
			} else if kind, ret := d.GetNvLinkRemoteDeviceType(link); ret == nvml.SUCCESS && kind == nvml.NVLINK_DEVICE_TYPE_SWITCH {
				if switched >= 0 {
					pairs = append(pairs, [2]int{switched, i})
				}
				switched = i
			}
		}
	}
	return pairs
}

// units are what is given out of a GPU: its MIG devices, or all of it.
func (n *nvmlGPUs) units(gpu *gpuagentv1.Gpu, d nvml.Device) []*gpuagentv1.Gpu {
	if mode, _, ret := d.GetMigMode(); ret != nvml.SUCCESS || mode != nvml.DEVICE_MIG_ENABLE {
		return []*gpuagentv1.Gpu{gpu}
	}
	var parts []*gpuagentv1.Gpu
	for i := range known(d.GetMaxMigDeviceCount()) {
		m, ret := d.GetMigDeviceHandleByIndex(i)
		if ret != nvml.SUCCESS { // there are fewer than there may be
			continue
		}
		if part := n.part(gpu, m, i+1); part != nil {
			if minor, ret := d.GetMinorNumber(); ret == nvml.SUCCESS {
				computes := known(m.GetComputeInstanceId())
				part.DeviceNodes = append(part.GetDeviceNodes(), migNodes(n.root, minor, int(part.GetInstance()), computes)...)
			}
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		gpu.Problem = "it is in MIG mode and has no MIG devices: make some, or turn the mode off"
		return []*gpuagentv1.Gpu{gpu}
	}
	return parts
}

// part is a MIG device.
func (n *nvmlGPUs) part(of *gpuagentv1.Gpu, m nvml.Device, k int) *gpuagentv1.Gpu {
	uuid, ret := m.GetUUID()
	if ret != nvml.SUCCESS {
		return nil
	}
	attributes := known(m.GetAttributes())
	part := migDevice(of, k, uuid, migProfile(known(m.GetName()), attributes), int64(attributes.MemorySizeMB)<<20)
	if instance, ret := m.GetGpuInstanceId(); ret == nvml.SUCCESS {
		part.Instance = new(int32(instance))
	}
	return part
}

// migName is how the driver names a MIG device: "NVIDIA A100-SXM4-40GB MIG 1g.5gb".
var migName = regexp.MustCompile(` MIG (\S+)$`)

// migProfile is the profile of a MIG device, from its name or else from what it has.
func migProfile(name string, a nvml.DeviceAttributes) string {
	if match := migName.FindStringSubmatch(name); match != nil {
		return match[1]
	}
	profile := fmt.Sprintf("%dg.%dgb", a.GpuInstanceSliceCount, (a.MemorySizeMB+1023)/1024)
	if a.ComputeInstanceSliceCount < a.GpuInstanceSliceCount {
		profile = fmt.Sprintf("%dc.%s", a.ComputeInstanceSliceCount, profile)
	}
	return profile
}

// Events of GPUs: how long is waited for one, and before what cannot be waited for is
// tried again.
const (
	eventWait  = 2 * time.Second
	eventRetry = 10 * time.Second
)

// Watch implements GPUs.
func (n *nvmlGPUs) Watch(ctx context.Context, tell func(Trouble)) error {
	devices, err := n.devices()
	if err != nil || len(devices) == 0 {
		return err
	}
	events, ret := n.lib.EventSetCreate()
	if ret != nvml.SUCCESS {
		return fmt.Errorf("events of GPUs cannot be heard of: %w", ret)
	}
	defer func() { _ = events.Free() }()
	heard := 0
	for _, d := range devices {
		if d.RegisterEvents(nvml.EventTypeXidCriticalError|nvml.EventTypeDoubleBitEccError, events) == nvml.SUCCESS {
			heard++
		}
	}
	if heard == 0 {
		return errors.New("no GPU tells of its errors")
	}
	for ctx.Err() == nil {
		e, ret := events.Wait(uint32(eventWait.Milliseconds()))
		switch ret {
		case nvml.SUCCESS:
			n.happened(e, tell)
		case nvml.ERROR_TIMEOUT:
		default: // such as that a GPU is lost
			select {
			case <-time.After(eventRetry):
			case <-ctx.Done():
			}
		}
	}
	return nil
}

// happened tells of an event.
func (n *nvmlGPUs) happened(e nvml.EventData, tell func(Trouble)) {
	uuid, ret := e.Device.GetUUID()
	if ret != nvml.SUCCESS {
		return
	}
	if e.EventType != nvml.EventTypeXidCriticalError {
		tell(Trouble{UUID: uuid, Problem: fmt.Sprintf("a memory error at %s could not be corrected", time.Now().UTC().Format(time.DateTime+" MST"))})
		return
	}
	t := xidTrouble(uuid, int32(e.EventData), time.Now())
	n.mu.Lock()
	n.xids[uuid] = t.XID
	n.mu.Unlock()
	tell(t)
}

// migNodes are the devices by which the driver tells who may use a MIG device: those of its
// GPU instance and of its compute instance, on the GPU with a minor number.
func migNodes(root string, minor, gpuInstance, computeInstance int) []*gpuagentv1.DeviceNode {
	var all []*gpuagentv1.DeviceNode
	instance := filepath.Join(root, fmt.Sprintf("proc/driver/nvidia/capabilities/gpu%d/mig/gi%d", minor, gpuInstance))
	for _, access := range []string{"access", fmt.Sprintf("ci%d/access", computeInstance)} {
		if number, ok := entryIn(filepath.Join(instance, access), "DeviceFileMinor"); ok {
			path := fmt.Sprintf("/dev/nvidia-caps/nvidia-cap%d", number)
			all = append(all, present(deviceNode(root, path, "nvidia-caps", uint32(number)))...)
		}
	}
	return all
}
