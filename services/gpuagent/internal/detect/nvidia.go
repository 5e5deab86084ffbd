package detect

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// nvidiaTimeout bounds a driver that hangs.
const nvidiaTimeout = 10 * time.Second

// Nvidia lists NVIDIA GPUs through nvidia-smi, which comes with the driver. It knows of
// no MIG devices, NVLinks and events: that is for NVML.
type Nvidia struct {
	root string
	why  error // why NVML is not asked
}

// Driver implements GPUs.
func (n Nvidia) Driver() string {
	if _, err := exec.LookPath("nvidia-smi"); err != nil {
		return ""
	}
	if n.why == nil {
		return "nvidia-smi"
	}
	return fmt.Sprintf("nvidia-smi, which shows no MIG devices, NVLinks, XID errors and processes; NVML would: %v", n.why)
}

// loaded reports whether the driver is there.
func (n Nvidia) loaded() bool {
	_, err := os.Stat(filepath.Join(n.root, "proc/driver/nvidia"))
	return err == nil
}

// warn says what is not seen of GPUs that are there.
func (n Nvidia) warn(ctx context.Context, log *slog.Logger) {
	driver := n.Driver()
	switch {
	case driver == "" && n.loaded():
		log.WarnContext(ctx, "NVIDIA's driver is loaded, and its GPUs are not seen: there is no nvidia-smi in PATH, and NVML is not used", "error", n.why)
	case driver != "":
		log.WarnContext(ctx, "of NVIDIA's GPUs is seen what nvidia-smi shows: no MIG devices, NVLinks, XID errors and processes", "error", n.why)
	default:
		log.DebugContext(ctx, "NVML is not used", "error", n.why)
	}
}

// Watch implements GPUs.
func (Nvidia) Watch(context.Context, func(Trouble)) error { return nil }

// nvidiaFields are what nvidia-smi is asked for, as `nvidia-smi --help-query-gpu` has
// them.
var nvidiaFields = []string{
	"index", "uuid", "name", "memory.total",
	"pci.bus_id", "utilization.gpu", "memory.used", "temperature.gpu", "power.draw",
	"ecc.errors.uncorrected.volatile.total", "remapped_rows.failure",
}

// The positions of fields.
const (
	nvidiaIndex = iota
	nvidiaUUID
	nvidiaName
	nvidiaMemory
	nvidiaBus
	nvidiaUtilization
	nvidiaUsed
	nvidiaTemperature
	nvidiaPower
	nvidiaECC
	nvidiaRemap
)

// List implements GPUs.
func (n Nvidia) List(ctx context.Context) ([]*gpuagentv1.Gpu, error) {
	program, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, nvidiaTimeout)
	defer cancel()
	query := "--query-gpu=" + strings.Join(nvidiaFields, ",")
	out, err := exec.CommandContext(ctx, program, query, "--format=csv,noheader,nounits").Output()
	if err != nil {
		return nil, fmt.Errorf("run nvidia-smi: %w", err)
	}
	gpus, err := parseNvidia(string(out))
	for _, gpu := range gpus {
		gpu.NumaNode = numaNode(n.root, gpu.GetPciBusId())
		if minor, ok := nvidiaMinor(n.root, gpu.GetPciBusId()); ok {
			gpu.DeviceNodes = nvidiaNode(n.root, minor)
		}
	}
	group(gpus, nil)
	return gpus, err
}

// parseNvidia reads lines such as "0, GPU-6d0f..., NVIDIA H100 80GB HBM3, 81559,
// 00000000:3B:00.0, 97, 70123, 61, 512.33, 0, No", memory in MiB, power in watts. What a
// GPU does not tell is "[N/A]", or another word in brackets.
func parseNvidia(out string) ([]*gpuagentv1.Gpu, error) {
	reader := csv.NewReader(strings.NewReader(out))
	reader.TrimLeadingSpace = true
	reader.FieldsPerRecord = len(nvidiaFields)
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read nvidia-smi: %w", err)
	}
	var gpus []*gpuagentv1.Gpu
	for _, r := range records {
		index, err := strconv.ParseInt(r[nvidiaIndex], 10, 32)
		if err != nil {
			return nil, fmt.Errorf("read nvidia-smi: %w", err)
		}
		gpus = append(gpus, &gpuagentv1.Gpu{
			Index: int32(index), Uuid: r[nvidiaUUID], Model: r[nvidiaName], MemoryBytes: mebibytes(r[nvidiaMemory]),
			PciBusId: told(r[nvidiaBus]), Problem: nvidiaProblem(r), Vendor: VendorNvidia,
			Usage: &gpuagentv1.GpuUsage{
				UtilizationPercent: number(r[nvidiaUtilization]), MemoryUsedBytes: mebibytes(r[nvidiaUsed]),
				TemperatureCelsius: number(r[nvidiaTemperature]), PowerWatts: number(r[nvidiaPower]),
			},
		})
	}
	return gpus, nil
}

// nvidiaProblem says what makes a GPU unfit.
func nvidiaProblem(r []string) string {
	return eccProblem(int64(number(r[nvidiaECC])), strings.EqualFold(r[nvidiaRemap], "yes"))
}

// number is a value that was told, and 0 for one that was not.
func number(text string) float64 {
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return n
}

// mebibytes is such a number in bytes.
func mebibytes(text string) int64 { return int64(number(text)) << 20 }

// told is a text that was told, and "" for one that was not.
func told(text string) string {
	if strings.HasPrefix(text, "[") {
		return ""
	}
	return text
}
