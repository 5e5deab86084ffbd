package detect

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoGPUs = "0, GPU-a, NVIDIA H100 80GB HBM3, 81559, 00000000:3B:00.0, 97, 1024, 61, 512.33, 0, No\n" +
	"1, GPU-b, NVIDIA GB10, [N/A], [N/A], [N/A], [N/A], 40, [Not Supported], [N/A], [N/A]\n"

func TestParseNvidia(t *testing.T) {
	gpus, err := parseNvidia(twoGPUs)
	if err != nil || len(gpus) != 2 {
		t.Fatalf("%v, %v", gpus, err)
	}
	g := gpus[0]
	if g.GetUuid() != "GPU-a" || g.GetModel() != "NVIDIA H100 80GB HBM3" || g.GetMemoryBytes() != 81559<<20 || g.GetPciBusId() != "00000000:3B:00.0" {
		t.Errorf("first %v", g)
	}
	if u := g.GetUsage(); u.GetUtilizationPercent() != 97 || u.GetMemoryUsedBytes() != 1<<30 || u.GetTemperatureCelsius() != 61 || u.GetPowerWatts() != 512.33 {
		t.Errorf("first does %v", u)
	}
	if g := gpus[1]; g.GetIndex() != 1 || g.GetMemoryBytes() != 0 || g.GetPciBusId() != "" || g.GetProblem() != "" || g.GetUsage().GetPowerWatts() != 0 {
		t.Errorf("second %v", g)
	}
	if gpus, err := parseNvidia(""); err != nil || gpus != nil {
		t.Errorf("no GPUs: %v, %v", gpus, err)
	}
	for _, bad := range []string{"x, y, z, 1", "No devices were found", "0, a", strings.Replace(twoGPUs, "0,", "zero,", 1)} {
		if _, err := parseNvidia(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestAnNvidiaGPUThatIsNotWell(t *testing.T) {
	for change, want := range map[string]string{
		"0, No|2, No":  "2 memory errors could not be corrected since the driver was loaded",
		"0, No|0, Yes": "a row of its memory is broken and could not be replaced",
		"0, No|0, No":  "",
	} {
		before, after, _ := strings.Cut(change, "|")
		gpus, err := parseNvidia(strings.Replace(twoGPUs, before, after, 1))
		if err != nil || gpus[0].GetProblem() != want {
			t.Errorf("%s: %v, %v, want %q", change, gpus, err, want)
		}
	}
}

func FuzzParseNvidia(f *testing.F) {
	f.Add(twoGPUs)
	f.Fuzz(func(_ *testing.T, out string) { _, _ = parseNvidia(out) })
}

func TestHardware(t *testing.T) {
	status := Hardware(t.Context(), Nvidia{}, slog.New(slog.DiscardHandler))
	Refresh(status, t.TempDir(), &Load{})
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
