package detect

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWithoutNVML says what is not seen of NVIDIA's GPUs, and nothing where there are none.
func TestWithoutNVML(t *testing.T) {
	why := errors.New("built without it")
	for name, tt := range map[string]struct {
		driver, smi bool
		says, by    string
	}{
		"nothing":            {false, false, "", ""},
		"nvidia-smi":         {true, true, "level=WARN msg=\"of NVIDIA's GPUs is seen what nvidia-smi shows", "nvidia-smi, which shows no MIG devices, NVLinks, XID errors and processes; NVML would: built without it"},
		"the driver is bare": {true, false, "level=WARN msg=\"NVIDIA's driver is loaded, and its GPUs are not seen", ""},
	} {
		t.Run(name, func(t *testing.T) {
			bin := t.TempDir()
			t.Setenv("PATH", bin)
			if tt.smi {
				if err := os.WriteFile(filepath.Join(bin, "nvidia-smi"), []byte("#!/bin/sh\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			n := Nvidia{root: t.TempDir(), why: why}
			if tt.driver {
				if err := os.MkdirAll(filepath.Join(n.root, "proc/driver/nvidia"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			var log bytes.Buffer
			n.warn(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
			if got := log.String(); !strings.Contains(got, tt.says) || tt.says == "" && got != "" || tt.says != "" && !strings.Contains(got, "built without it") {
				t.Errorf("it says %q, want %q", got, tt.says)
			}
			if n.Driver() != tt.by {
				t.Errorf("found by %q, want %q", n.Driver(), tt.by)
			}
		})
	}
}
