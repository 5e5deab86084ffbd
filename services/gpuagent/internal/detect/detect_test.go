package detect

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
)

func TestParseNvidia(t *testing.T) {
	gpus, err := parseNvidia("0, GPU-a, NVIDIA H100 80GB HBM3, 81559\n1, GPU-b, NVIDIA GB10, [N/A]\n")
	if err != nil || len(gpus) != 2 {
		t.Fatalf("%v, %v", gpus, err)
	}
	if g := gpus[0]; g.GetUuid() != "GPU-a" || g.GetModel() != "NVIDIA H100 80GB HBM3" || g.GetMemoryBytes() != 81559<<20 {
		t.Errorf("first %v", g)
	}
	if g := gpus[1]; g.GetIndex() != 1 || g.GetMemoryBytes() != 0 {
		t.Errorf("second %v", g)
	}
	if gpus, err := parseNvidia(""); err != nil || gpus != nil {
		t.Errorf("no GPUs: %v, %v", gpus, err)
	}
	for _, bad := range []string{"x, y, z, 1", "No devices were found", "0, a"} {
		if _, err := parseNvidia(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func FuzzParseNvidia(f *testing.F) {
	f.Add("0, GPU-a, NVIDIA H100 80GB HBM3, 81559\n")
	f.Fuzz(func(_ *testing.T, out string) { _, _ = parseNvidia(out) })
}

func TestHardware(t *testing.T) {
	status := Hardware(t.Context(), Nvidia{}, slog.New(slog.DiscardHandler))
	Refresh(status, t.TempDir())
	if status.GetCpuMilli() < 1000 || status.GetMemoryBytes() < 1<<20 || status.GetDiskFreeBytes() <= 0 || status.GetHeartbeatTime() == nil {
		t.Errorf("status %v", status)
	}
}

func TestProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := Program(path, "x"); got != path {
		t.Errorf("configured: %q", got)
	}
	if got := Program("", "no-such-program-here"); got != "" {
		t.Errorf("absent: %q", got)
	}
}
