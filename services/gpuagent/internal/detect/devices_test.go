package detect

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

const nvidiaDevices = "Character devices:\n  1 mem\n195 nvidia\n195 nvidiactl\n236 nvidia-caps\n\nBlock devices:\n195 nvidia\n259 blkext\n"

// files makes files below a new root and returns it.
func files(t *testing.T, all map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range all {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// spelled is devices as text.
func spelled(nodes []*gpuagentv1.DeviceNode) string {
	var all []string
	for _, n := range nodes {
		all = append(all, fmt.Sprintf("%s %d:%d", n.GetPath(), n.GetMajor(), n.GetMinor()))
	}
	return strings.Join(all, ", ")
}

func TestDevicesOfNvidia(t *testing.T) {
	root := files(t, map[string]string{
		"proc/devices": nvidiaDevices,
		"proc/driver/nvidia/gpus/0000:3b:00.0/information": "Model: \t\t Tesla T4\nIRQ:   \t\t 77\nDevice Minor: \t 4\n",
	})
	minor, ok := nvidiaMinor(root, "00000000:3B:00.0")
	if got := spelled(nvidiaNode(root, minor)); !ok || got != "/dev/nvidia4 195:4" {
		t.Errorf("got %s, %v", got, ok)
	}
	if minor, ok := nvidiaMinor(root, "00000000:3C:00.0"); ok {
		t.Errorf("a GPU that is not known has the minor number %d", minor)
	}
	if got := nvidiaNode(files(t, nil), 4); got != nil {
		t.Errorf("without a driver: %v", got)
	}
}

// TestADeviceThatIsThere is known by its node, whatever number its driver has.
func TestADeviceThatIsThere(t *testing.T) {
	root := files(t, map[string]string{"dev/nvidia1": "a file", "proc/devices": nvidiaDevices})
	if err := unix.Mknod(filepath.Join(root, "dev/nvidia0"), unix.S_IFCHR|0o666, int(unix.Mkdev(241, 9))); err != nil {
		t.Skipf("this machine does not let the test make devices: %v", err)
	}
	if got := spelled(append(nvidiaNode(root, 0), nvidiaNode(root, 1)...)); got != "/dev/nvidia0 241:9, /dev/nvidia1 195:1" {
		t.Errorf("got %s", got)
	}
}

func TestWithheld(t *testing.T) {
	node := func(minor uint32) *gpuagentv1.DeviceNode {
		return &gpuagentv1.DeviceNode{Path: fmt.Sprint(minor), Major: 1, Minor: minor}
	}
	all := []*gpuagentv1.Gpu{
		{Index: 0, DeviceNodes: []*gpuagentv1.DeviceNode{node(0)}},
		{Index: 2001, DeviceNodes: []*gpuagentv1.DeviceNode{node(1), node(10)}},
		{Index: 2002, DeviceNodes: []*gpuagentv1.DeviceNode{node(1), node(11)}},
		{Index: 3001, DeviceNodes: []*gpuagentv1.DeviceNode{node(2)}}, // shares
		{Index: 3002, DeviceNodes: []*gpuagentv1.DeviceNode{node(2)}},
		{Index: 3},
	}
	for _, tt := range []struct {
		given []int32
		want  string
	}{
		{nil, "0 1:0, 1 1:1, 10 1:10, 11 1:11, 2 1:2"},
		{[]int32{0, 3}, "1 1:1, 10 1:10, 11 1:11, 2 1:2"},
		{[]int32{2002}, "0 1:0, 10 1:10, 2 1:2"},
		{[]int32{3002}, "0 1:0, 1 1:1, 10 1:10, 11 1:11"},
	} {
		if got := spelled(Withheld(all, tt.given)); got != tt.want {
			t.Errorf("who has %v is kept from %s, want %s", tt.given, got, tt.want)
		}
	}
}

// listed is GPUs that are as a test says.
type listed struct {
	gpus   []*gpuagentv1.Gpu
	err    error
	driver string
}

func (l listed) List(context.Context) ([]*gpuagentv1.Gpu, error) { return l.gpus, l.err }
func (l listed) Watch(_ context.Context, tell func(Trouble)) error {
	tell(Trouble{UUID: l.driver})
	return nil
}
func (l listed) Driver() string { return l.driver }

func TestGPUsOfBothVendors(t *testing.T) {
	of := func(vendor string, indexes ...int32) []*gpuagentv1.Gpu {
		var all []*gpuagentv1.Gpu
		for _, i := range indexes {
			all = append(all, &gpuagentv1.Gpu{Index: i, Vendor: vendor, LinkGroup: wholeIndex(i)/2 + 1})
		}
		return all
	}
	broken := errors.New("the driver is broken")
	both := vendors{listed{of(VendorNvidia, 0, 2001, 2002, 2), broken, "NVML"}, listed{}, listed{of(VendorAMD, 0, 2001), nil, "sysfs"}}
	gpus, err := both.List(t.Context())
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	var got []string
	for _, gpu := range gpus {
		got = append(got, fmt.Sprintf("%s %d in %d", gpu.GetVendor(), gpu.GetIndex(), gpu.GetLinkGroup()))
	}
	want := "nvidia 0 in 1, nvidia 2001 in 1, nvidia 2002 in 1, nvidia 2 in 2, amd 3 in 3, amd 5001 in 3"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
	if both.Driver() != "NVML; sysfs" {
		t.Errorf("found by %q", both.Driver())
	}
	told := make(chan Trouble, 3)
	if err := both.Watch(t.Context(), func(t Trouble) { told <- t }); err != nil || len(told) != 3 {
		t.Errorf("%d told, %v", len(told), err)
	}
}
