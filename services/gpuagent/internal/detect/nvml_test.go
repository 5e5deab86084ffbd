//go:build cgo && linux

package detect

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/NVIDIA/go-nvml/pkg/nvml"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock"
	"github.com/NVIDIA/go-nvml/pkg/nvml/mock/dgxa100"
)

// dgx is NVIDIA's mock of a DGX A100, with what it leaves open filled in: eight GPUs, whose
// links all lead to switches.
type dgx struct {
	*dgxa100.Server
	events chan nvml.EventData
}

func newDGX(t *testing.T) *dgx {
	t.Helper()
	m := &dgx{Server: dgxa100.New(), events: make(chan nvml.EventData, 4)}
	for i := range 8 {
		d := m.device(t, i)
		fill(d)
		d.GetPciInfoFunc = func() (nvml.PciInfo, nvml.Return) { return pci(fmt.Sprintf("00000000:%02X:00.0", i+1)), nvml.SUCCESS }
		d.RegisterEventsFunc = func(uint64, nvml.EventSet) nvml.Return { return nvml.SUCCESS }
	}
	m.EventSetCreateFunc = func() (nvml.EventSet, nvml.Return) {
		return &mock.EventSet{
			FreeFunc: func() nvml.Return { return nvml.SUCCESS },
			WaitFunc: func(uint32) (nvml.EventData, nvml.Return) {
				select {
				case e := <-m.events:
					return e, nvml.SUCCESS
				default:
					return nvml.EventData{}, nvml.ERROR_TIMEOUT
				}
			},
		}, nvml.SUCCESS
	}
	return m
}

func (m *dgx) device(t *testing.T, i int) *dgxa100.Device {
	t.Helper()
	d, ret := m.DeviceGetHandleByIndex(i)
	if ret != nvml.SUCCESS {
		t.Fatal(ret)
	}
	return d.(*dgxa100.Device)
}

func pci(bus string) nvml.PciInfo {
	var info nvml.PciInfo
	for i := range bus {
		info.BusId[i] = int8(bus[i])
	}
	return info
}

// fill has a device tell what NVIDIA's mock does not.
func fill(d *dgxa100.Device) {
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 97, Memory: 41}, nvml.SUCCESS }
	d.GetTemperatureFunc = func(nvml.TemperatureSensors) (uint32, nvml.Return) { return 61, nvml.SUCCESS }
	d.GetPowerUsageFunc = func() (uint32, nvml.Return) { return 399_500, nvml.SUCCESS }
	d.GetTotalEnergyConsumptionFunc = func() (uint64, nvml.Return) { return 77, nvml.SUCCESS }
	d.GetClockInfoFunc = func(kind nvml.ClockType) (uint32, nvml.Return) { return 1000 + uint32(kind), nvml.SUCCESS }
	d.GetTotalEccErrorsFunc = func(nvml.MemoryErrorType, nvml.EccCounterType) (uint64, nvml.Return) { return 0, nvml.SUCCESS }
	d.GetRemappedRowsFunc = func() (int, int, bool, bool, nvml.Return) { return 3, 1, false, false, nvml.SUCCESS }
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) {
		return []nvml.ProcessInfo{{Pid: 42, UsedGpuMemory: 1 << 30}, {Pid: 43, UsedGpuMemory: 1<<64 - 1}}, nvml.SUCCESS
	}
	d.GetProcessUtilizationFunc = func(since uint64) ([]nvml.ProcessUtilizationSample, nvml.Return) {
		if since >= 9 {
			return nil, nvml.ERROR_NOT_FOUND
		}
		return []nvml.ProcessUtilizationSample{{Pid: 42, TimeStamp: 8, SmUtil: 10}, {Pid: 42, TimeStamp: 9, SmUtil: 88}}, nvml.SUCCESS
	}
	d.GetFieldValuesFunc = func(values []nvml.FieldValue) nvml.Return {
		for i := range values {
			binary.LittleEndian.PutUint64(values[i].Value[:], uint64(2+i))
		}
		return nvml.SUCCESS
	}
	d.GetNvLinkStateFunc = func(link int) (nvml.EnableState, nvml.Return) {
		if link >= 12 { // an A100 has twelve
			return nvml.FEATURE_DISABLED, nvml.ERROR_INVALID_ARGUMENT
		}
		return nvml.FEATURE_ENABLED, nvml.SUCCESS
	}
	d.GetNvLinkRemotePciInfoFunc = func(int) (nvml.PciInfo, nvml.Return) { return pci("00000000:C4:00.0"), nvml.SUCCESS }
	d.GetNvLinkRemoteDeviceTypeFunc = func(int) (nvml.IntNvLinkDeviceType, nvml.Return) {
		return nvml.NVLINK_DEVICE_TYPE_SWITCH, nvml.SUCCESS
	}
}

func open(t *testing.T, m *dgx, root string) GPUs {
	t.Helper()
	gpus, err := newNVML(m, root)
	if err != nil {
		t.Fatal(err)
	}
	return gpus
}

func TestNVML(t *testing.T) {
	root := t.TempDir()
	numa := filepath.Join(root, "sys/bus/pci/devices/0000:03:00.0")
	if err := os.MkdirAll(numa, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(numa+"/numa_node", []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := open(t, newDGX(t), root)
	gpus, err := n.List(t.Context())
	if err != nil || len(gpus) != 8 || n.Driver() != "NVML, driver 550.54.15" {
		t.Fatalf("%v, %v by %s", gpus, err, n.Driver())
	}
	g := gpus[2]
	if g.GetIndex() != 2 || !strings.HasPrefix(g.GetUuid(), "GPU-") || g.GetModel() != "Mock NVIDIA A100-SXM4-40GB" && g.GetModel() != "NVIDIA A100-SXM4-40GB" ||
		g.GetMemoryBytes() < 39<<30 || g.GetPciBusId() != "00000000:03:00.0" || g.GetNumaNode() != 1 || g.GetProblem() != "" {
		t.Errorf("the third is %v", g)
	}
	u := g.GetUsage()
	if u.GetUtilizationPercent() != 97 || u.GetMemoryUtilizationPercent() != 41 || u.GetTemperatureCelsius() != 61 || u.GetPowerWatts() != 399.5 ||
		u.GetEnergyMillijoules() != 77 || u.GetSmClockMhz() != 1001 || u.GetMemoryClockMhz() != 1002 || u.GetRemappedCorrected() != 3 ||
		u.GetRemappedUncorrected() != 1 || u.GetNvlinkBytes() != 5<<10 {
		t.Errorf("it does %v", u)
	}
	if p := u.GetProcesses(); len(p) != 2 || p[0].GetPid() != 42 || p[0].GetMemoryBytes() != 1<<30 || p[0].GetUtilizationPercent() != 88 || p[1].GetMemoryBytes() != 0 {
		t.Errorf("processes %v", p)
	}
	for _, g := range gpus {
		if g.GetLinkGroup() != 1 {
			t.Errorf("GPU %d is in group %d of a machine with switches", g.GetIndex(), g.GetLinkGroup())
		}
	}
}

// TestNVLinksWithoutSwitches joins GPUs in pairs, as bridges do.
func TestNVLinksWithoutSwitches(t *testing.T) {
	m := newDGX(t)
	for i := range 8 {
		peer := pci(fmt.Sprintf("00000000:%02X:00.0", i^1+1))
		m.device(t, i).GetNvLinkRemotePciInfoFunc = func(int) (nvml.PciInfo, nvml.Return) { return peer, nvml.SUCCESS }
	}
	n := open(t, m, "/")
	gpus, err := n.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range gpus {
		if g.GetLinkGroup() != int32(i/2+1) {
			t.Errorf("GPU %d is in group %d", i, g.GetLinkGroup())
		}
	}
}

func TestNVMLThatTellsLittle(t *testing.T) {
	m := newDGX(t)
	d := m.device(t, 0)
	d.GetUtilizationRatesFunc = func() (nvml.Utilization, nvml.Return) { return nvml.Utilization{Gpu: 9}, nvml.ERROR_NOT_SUPPORTED }
	d.GetFieldValuesFunc = func([]nvml.FieldValue) nvml.Return { return nvml.ERROR_NOT_SUPPORTED }
	d.GetComputeRunningProcessesFunc = func() ([]nvml.ProcessInfo, nvml.Return) { return nil, nvml.ERROR_NO_PERMISSION }
	d.GetTotalEccErrorsFunc = func(kind nvml.MemoryErrorType, _ nvml.EccCounterType) (uint64, nvml.Return) {
		if kind == nvml.MEMORY_ERROR_TYPE_UNCORRECTED {
			return 2, nvml.SUCCESS
		}
		return 5, nvml.SUCCESS
	}
	n := open(t, m, "/")
	gpus, err := n.List(t.Context())
	if err != nil || gpus[0].GetUsage().GetUtilizationPercent() != 0 || gpus[0].GetProblem() != "2 memory errors could not be corrected since the driver was loaded" {
		t.Errorf("%v, %v", gpus, err)
	}
	m.DeviceGetCountFunc = func() (int, nvml.Return) { return 0, nvml.ERROR_GPU_IS_LOST }
	if _, err := n.List(t.Context()); err == nil {
		t.Error("a driver that lost its GPUs is no error")
	}
}

func TestMIG(t *testing.T) {
	m := newDGX(t)
	parent := m.device(t, 1)
	parent.GetMigModeFunc = func() (int, int, nvml.Return) { return nvml.DEVICE_MIG_ENABLE, nvml.DEVICE_MIG_ENABLE, nvml.SUCCESS }
	parent.GetMaxMigDeviceCountFunc = func() (int, nvml.Return) { return 7, nvml.SUCCESS }
	parent.GetMigDeviceHandleByIndexFunc = func(i int) (nvml.Device, nvml.Return) {
		if i != 0 && i != 3 {
			return nil, nvml.ERROR_NOT_FOUND
		}
		name := "NVIDIA A100-SXM4-40GB MIG 1g.5gb"
		if i == 3 {
			name = "NVIDIA A100-SXM4-40GB" // as some drivers say
		}
		return &mock.Device{
			GetUUIDFunc:              func() (string, nvml.Return) { return fmt.Sprintf("MIG-%d", i), nvml.SUCCESS },
			GetNameFunc:              func() (string, nvml.Return) { return name, nvml.SUCCESS },
			GetGpuInstanceIdFunc:     func() (int, nvml.Return) { return 7 + i, nvml.SUCCESS },
			GetComputeInstanceIdFunc: func() (int, nvml.Return) { return 0, nvml.SUCCESS },
			GetAttributesFunc: func() (nvml.DeviceAttributes, nvml.Return) {
				return nvml.DeviceAttributes{GpuInstanceSliceCount: 3, ComputeInstanceSliceCount: 3, MemorySizeMB: 19968}, nvml.SUCCESS
			},
		}, nvml.SUCCESS
	}
	empty := m.device(t, 2)
	empty.GetMigModeFunc, empty.GetMaxMigDeviceCountFunc = parent.GetMigModeFunc, parent.GetMaxMigDeviceCountFunc
	empty.GetMigDeviceHandleByIndexFunc = func(int) (nvml.Device, nvml.Return) { return nil, nvml.ERROR_NOT_FOUND }
	root := files(t, map[string]string{
		"proc/devices": nvidiaDevices,
		"proc/driver/nvidia/capabilities/gpu1/mig/gi7/access":      "DeviceFileMinor: 66\nDeviceFileMode: 292\nDeviceFileModify: 1\n",
		"proc/driver/nvidia/capabilities/gpu1/mig/gi7/ci0/access":  "DeviceFileMinor: 67\n",
		"proc/driver/nvidia/capabilities/gpu1/mig/gi10/access":     "DeviceFileMinor: 93\n",
		"proc/driver/nvidia/capabilities/gpu1/mig/gi10/ci0/access": "DeviceFileMinor: 94\n",
	})
	n := open(t, m, root)
	gpus, err := n.List(t.Context())
	if err != nil || len(gpus) != 9 {
		t.Fatalf("%v, %v", gpus, err)
	}
	for i, want := range map[int]string{
		0: "/dev/nvidia0 195:0",
		1: "/dev/nvidia1 195:1, /dev/nvidia-caps/nvidia-cap66 236:66, /dev/nvidia-caps/nvidia-cap67 236:67",
		2: "/dev/nvidia1 195:1, /dev/nvidia-caps/nvidia-cap93 236:93, /dev/nvidia-caps/nvidia-cap94 236:94",
	} {
		if got := spelled(gpus[i].GetDeviceNodes()); got != want {
			t.Errorf("the devices of unit %d are %s, want %s", i, got, want)
		}
	}
	if got, want := spelled(Withheld(gpus[:3], []int32{2001})), "/dev/nvidia0 195:0, /dev/nvidia-caps/nvidia-cap93 236:93, /dev/nvidia-caps/nvidia-cap94 236:94"; got != want {
		t.Errorf("who has the first part is kept from %s, want %s", got, want)
	}
	uuid, _ := parent.GetUUID()
	if g := gpus[1]; g.GetIndex() != 2001 || g.GetUuid() != "MIG-0" || g.GetProfile() != "1g.5gb" || !strings.HasSuffix(g.GetModel(), " MIG-1g.5gb") ||
		g.GetInstance() != 7 || g.GetParentUuid() != uuid || g.GetMemoryBytes() != 19968<<20 {
		t.Errorf("the first part is %v", g)
	}
	if g := gpus[2]; g.GetIndex() != 2004 || g.GetProfile() != "3g.20gb" {
		t.Errorf("the second part is %v", g)
	}
	if g := gpus[3]; g.GetIndex() != 2 || !strings.Contains(g.GetProblem(), "no MIG devices") {
		t.Errorf("one in MIG mode without parts is %v", g)
	}
}

func TestXIDs(t *testing.T) {
	m := newDGX(t)
	n := open(t, m, "/")
	d := m.device(t, 5)
	uuid, _ := d.GetUUID()
	for _, e := range []nvml.EventData{
		{Device: d, EventType: nvml.EventTypeXidCriticalError, EventData: 31},
		{Device: d, EventType: nvml.EventTypeXidCriticalError, EventData: 79},
		{Device: d, EventType: nvml.EventTypeDoubleBitEccError},
	} {
		m.events <- e
	}
	ctx, cancel := context.WithCancel(t.Context())
	var told []Trouble
	if err := n.Watch(ctx, func(t Trouble) {
		if told = append(told, t); len(told) == 3 {
			cancel()
		}
	}); err != nil {
		t.Fatal(err)
	}
	if told[0] != (Trouble{UUID: uuid, XID: 31}) || told[1].XID != 79 || !strings.HasPrefix(told[1].Problem, "XID 79 at ") || !strings.Contains(told[2].Problem, "could not be corrected") {
		t.Errorf("told %+v", told)
	}
	if gpus, err := n.List(t.Context()); err != nil || gpus[5].GetUsage().GetXid() != 79 {
		t.Errorf("%v, %v", gpus, err)
	}
}

func TestNoDriver(t *testing.T) {
	m := newDGX(t)
	m.InitFunc = func() nvml.Return { return nvml.ERROR_LIBRARY_NOT_FOUND }
	if _, err := newNVML(m, "/"); err == nil {
		t.Error("a library that is not there was opened")
	}
}
