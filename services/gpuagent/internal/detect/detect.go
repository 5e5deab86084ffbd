// Package detect finds out what a node has: cores, memory, disk, GPUs, Python, uv.
//
// Each vendor of GPUs is one file with one GPUs implementation. Nothing here
// fails: what cannot be found is absent, and the log says why.
package detect

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Hardware returns what does not change while the agent runs.
func Hardware(ctx context.Context, gpus GPUs, log *slog.Logger) *gpuagentv1.NodeStatus {
	hostname, err := os.Hostname()
	if err != nil {
		log.WarnContext(ctx, "host name is unknown", "error", err)
	}
	status := &gpuagentv1.NodeStatus{
		Hostname:    hostname,
		Platform:    runtime.GOOS + "/" + runtime.GOARCH,
		CpuMilli:    int64(runtime.NumCPU()) * 1000,
		MemoryBytes: memoryBytes(),
	}
	if status.Gpus, err = gpus.List(ctx); err != nil {
		log.WarnContext(ctx, "GPUs cannot be listed", "error", err)
	}
	if len(status.GetGpus()) > 0 {
		status.GpuDriver = gpus.Driver()
	}
	return status
}

// Refresh brings what does change up to date.
func Refresh(status *gpuagentv1.NodeStatus, dataDir string, load *Load) {
	status.DiskFreeBytes = diskFree(dataDir)
	status.CpuUsedMilli = load.used()
	status.MemoryUsedBytes = memoryUsed(status.GetMemoryBytes())
	status.HeartbeatTime = timestamppb.Now()
}

// memoryBytes is the physical memory, or less where a control group limits it.
func memoryBytes() int64 {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return 0
	}
	total := int64(info.Totalram) * int64(info.Unit)
	if limit, ok := cgroupLimit(); ok {
		return min(total, limit)
	}
	return total
}

func diskFree(dir string) int64 {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0
	}
	return int64(stat.Bavail) * stat.Bsize
}

// Program finds a program that kfmesh uses: as configured, beside kfmesh's own
// binary, or in PATH. It returns "" when there is none.
func Program(configured, name string) string {
	if configured != "" {
		name = configured
	} else if own, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(own), name)
		if path, err := exec.LookPath(beside); err == nil {
			return path
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return ""
	}
	return path
}

// UVVersion asks uv for its version; empty without uv.
func UVVersion(ctx context.Context, uv string) string {
	if uv == "" {
		return ""
	}
	out, err := exec.CommandContext(ctx, uv, "--version").Output()
	if err != nil {
		return ""
	}
	fields := strings.Fields(string(out)) // "uv 0.5.0 (...)"
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}
