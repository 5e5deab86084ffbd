package detect

import (
	"os"
	"path/filepath"
	"testing"
)

// amdTree imitates what the amdgpu driver shows of a machine with a processor, two
// MI300X that XGMI joins, and a card of a kind that is not known, on other sockets.
func amdTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	write := func(path, content string) {
		t.Helper()
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const nodes = "sys/class/kfd/kfd/topology/nodes/"
	write(nodes+"0/properties", "cpu_cores_count 96\nsimd_count 0")
	for node, properties := range map[string]string{
		"1":  "simd_count 1216\ndevice_id 29857\nunique_id 9725083204832394497\ndrm_render_minor 128\ngfx_target_version 90402",
		"2":  "simd_count 1216\ndevice_id 29857\nunique_id 2\ndrm_render_minor 129\ngfx_target_version 90402",
		"10": "simd_count 64\ndevice_id 1\nunique_id 3\ndrm_render_minor 130\ngfx_target_version 110000",
	} {
		write(nodes+node+"/properties", properties)
	}
	write(nodes+"1/io_links/0/properties", "type 2\nnode_from 1\nnode_to 0")
	write(nodes+"1/io_links/1/properties", "type 11\nnode_from 1\nnode_to 2")
	write(nodes+"10/mem_banks/0/properties", "heap_type 1\nsize_in_bytes 17179869184")
	for minor, bus := range map[string]string{"128": "0000:05:00.0", "129": "0000:26:00.0"} {
		device := "sys/devices/pci0000:00/" + bus
		for file, content := range map[string]string{
			"vendor": "0x1002", "numa_node": "1", "mem_info_vram_total": "206141652992", "mem_info_vram_used": "1073741824",
			"gpu_busy_percent": "37", "mem_busy_percent": "5", "hwmon/hwmon4/temp1_input": "43000", "hwmon/hwmon4/power1_average": "135000000",
			"hwmon/hwmon4/freq1_input": "2100000000", "ras/umc_err_count": "ue: 0\nce: 2", "ras/sdma_err_count": "ue: 0\nce: 1",
		} {
			write(device+"/"+file, content)
		}
		link := filepath.Join(root, "sys/class/drm/renderD"+minor, "device")
		if err := os.MkdirAll(filepath.Dir(link), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(filepath.Join(root, device), link); err != nil {
			t.Fatal(err)
		}
	}
	write("proc/devices", "Character devices:\n  1 mem\n226 drm\n\nBlock devices:\n259 blkext")
	for _, path := range []string{"05:00.0/drm/card1", "26:00.0/drm/card2", "26:00.0/drm/card2-DP-1", "26:00.0/drm/renderD129"} {
		write("sys/devices/pci0000:00/0000:"+path+"/dev", "")
	}
	write("sys/class/drm/renderD131/device/vendor", "0x10de") // somebody else's
	write("sys/module/amdgpu/version", "6.8.5")
	return root
}

func TestAMD(t *testing.T) {
	amd := AMD{root: amdTree(t)}
	gpus, err := amd.List(t.Context())
	if err != nil || len(gpus) != 3 || amd.Driver() != "sysfs, amdgpu 6.8.5" {
		t.Fatalf("%v, %v by %q", gpus, err, amd.Driver())
	}
	g := gpus[0]
	if g.GetUuid() != "GPU-86f66fa62b26fd01" {
		t.Errorf("UUID %q", g.GetUuid())
	}
	if g.GetIndex() != 0 || g.GetModel() != "AMD Instinct MI300X" || g.GetMemoryBytes() != 206141652992 || g.GetPciBusId() != "0000:05:00.0" ||
		g.GetNumaNode() != 1 || g.GetVendor() != "amd" || g.GetProblem() != "" {
		t.Errorf("the first is %v", g)
	}
	if u := g.GetUsage(); u.GetUtilizationPercent() != 37 || u.GetMemoryUsedBytes() != 1<<30 || u.GetTemperatureCelsius() != 43 || u.GetPowerWatts() != 135 ||
		u.GetEccCorrected() != 3 || u.GetSmClockMhz() != 2100 {
		t.Errorf("it does %v", u)
	}
	if gpus[0].GetLinkGroup() != gpus[1].GetLinkGroup() || gpus[2].GetLinkGroup() == gpus[0].GetLinkGroup() {
		t.Errorf("groups %d, %d, %d", gpus[0].GetLinkGroup(), gpus[1].GetLinkGroup(), gpus[2].GetLinkGroup())
	}
	if g := gpus[2]; g.GetModel() != "AMD gfx1100" || g.GetMemoryBytes() != 16<<30 || g.GetProblem() == "" {
		t.Errorf("one without a device is %v", g)
	}
	if got, want := spelled(gpus[1].GetDeviceNodes()), "/dev/dri/renderD129 226:129, /dev/dri/card2 226:2"; got != want {
		t.Errorf("the devices of the second are %s, want %s", got, want)
	}
}

func TestAnAMDGPUThatIsNotWell(t *testing.T) {
	root := amdTree(t)
	if err := os.WriteFile(filepath.Join(root, "sys/devices/pci0000:00/0000:26:00.0/ras/umc_err_count"), []byte("ue: 1\nce: 0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gpus, err := AMD{root: root}.List(t.Context())
	if err != nil || gpus[0].GetProblem() != "" || gpus[1].GetProblem() != "1 memory error could not be corrected since the driver was loaded" {
		t.Errorf("%v, %v", gpus, err)
	}
}

func TestNoAMD(t *testing.T) {
	amd := AMD{root: t.TempDir()}
	if gpus, err := amd.List(t.Context()); err != nil || len(gpus) > 0 || amd.Driver() != "" {
		t.Errorf("%v, %v, %q", gpus, err, amd.Driver())
	}
}

func FuzzAMDText(f *testing.F) {
	f.Add("simd_count 1216\nunique_id 18446744073709551615\n", "ue: 0\nce: 2\n")
	f.Add("\x00 -1\n", "ue:\nce: -3\n: : :")
	f.Fuzz(func(t *testing.T, properties, ras string) {
		parseProperties(properties)
		if uncorrected, corrected := parseRAS(ras); uncorrected < 0 || corrected < 0 {
			t.Errorf("%q counts %d and %d errors", ras, uncorrected, corrected)
		}
	})
}
