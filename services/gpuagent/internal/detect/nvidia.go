package detect

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// nvidiaTimeout bounds a driver that hangs.
const nvidiaTimeout = 10 * time.Second

// Nvidia lists NVIDIA GPUs through nvidia-smi, which comes with the driver.
type Nvidia struct{}

// List implements GPUs.
func (Nvidia) List(ctx context.Context) ([]*gpuagentv1.Gpu, error) {
	program, err := exec.LookPath("nvidia-smi")
	if err != nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, nvidiaTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--query-gpu=index,uuid,name,memory.total", "--format=csv,noheader,nounits").Output()
	if err != nil {
		return nil, fmt.Errorf("run nvidia-smi: %w", err)
	}
	return parseNvidia(string(out))
}

// parseNvidia reads lines such as "0, GPU-6d0f..., NVIDIA H100 80GB HBM3, 81559",
// the memory in MiB.
func parseNvidia(out string) ([]*gpuagentv1.Gpu, error) {
	reader := csv.NewReader(strings.NewReader(out))
	reader.TrimLeadingSpace = true
	reader.FieldsPerRecord = 4
	records, err := reader.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read nvidia-smi: %w", err)
	}
	var gpus []*gpuagentv1.Gpu
	for _, r := range records {
		index, err1 := strconv.ParseInt(r[0], 10, 32)
		mebibytes, err2 := strconv.ParseInt(r[3], 10, 64)
		if err2 != nil { // "[N/A]" where memory is the host's
			mebibytes = 0
		}
		if err1 != nil {
			return nil, errors.Join(errors.New("read nvidia-smi"), err1)
		}
		gpus = append(gpus, &gpuagentv1.Gpu{Index: int32(index), Uuid: r[1], Model: r[2], MemoryBytes: mebibytes << 20})
	}
	return gpus, nil
}
