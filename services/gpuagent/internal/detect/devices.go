package detect

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Devices of GPUs. What all who use a vendor's GPUs open, such as /dev/nvidiactl and
// /dev/kfd, belongs to none of them.

// deviceNode is a device by its path, with the numbers that its node has or, as nodes of
// NVIDIA's are made when they are first needed, those that its driver is known by; nil when
// neither is there.
func deviceNode(root, path, driver string, minor uint32) *gpuagentv1.DeviceNode {
	var stat unix.Stat_t
	err := unix.Stat(filepath.Join(root, path), &stat)
	if err == nil && stat.Mode&unix.S_IFMT == unix.S_IFCHR {
		return &gpuagentv1.DeviceNode{Path: path, Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev)}
	}
	if major, ok := majorOf(root, driver); ok {
		return &gpuagentv1.DeviceNode{Path: path, Major: major, Minor: minor}
	}
	return nil
}

// majorOf is the number of a driver of character devices, from /proc/devices: lines such
// as "195 nvidia" below "Character devices:", and then those of block devices.
func majorOf(root, driver string) (uint32, bool) {
	text, err := os.ReadFile(filepath.Join(root, "proc/devices"))
	if err != nil {
		return 0, false
	}
	characters, _, _ := strings.Cut(string(text), "Block devices:")
	for line := range strings.Lines(characters) {
		number, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if major, err := strconv.ParseUint(number, 10, 32); err == nil && name == driver {
			return uint32(major), true
		}
	}
	return 0, false
}

// What NVIDIA's drivers are called in /proc/devices.
const (
	nvidiaDriver = "nvidia"
)

// nvidiaNode is the device of the GPU with a minor number.
func nvidiaNode(root string, minor int) []*gpuagentv1.DeviceNode {
	return present(deviceNode(root, fmt.Sprintf("/dev/nvidia%d", minor), nvidiaDriver, uint32(minor)))
}

// nvidiaMinor is the minor number of the GPU at an address, "00000000:3B:00.0": that of
// /dev/nvidia<N>, which need not be its index.
func nvidiaMinor(root, bus string) (int, bool) {
	return entryIn(filepath.Join(root, "proc/driver/nvidia/gpus", shortBus(bus), "information"), "Device Minor")
}

// entryIn is a number in a file of lines such as "Device Minor: 	 0".
func entryIn(path, name string) (int, bool) {
	file, err := os.Open(path)
	if err != nil {
		return 0, false
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && n >= 0 && strings.TrimSpace(key) == name {
			return n, true
		}
	}
	return 0, false
}

// drm is the driver of graphics cards in /proc/devices.
const drm = "drm"

// drmNodes are the devices of a graphics card, by the minor number of its render node and
// the path of its device in sysfs, below the root: the render node, and the card.
func drmNodes(root string, render int64, device string) []*gpuagentv1.DeviceNode {
	all := present(deviceNode(root, fmt.Sprintf("/dev/dri/renderD%d", render), drm, uint32(render)))
	cards, _ := filepath.Glob(filepath.Join(root, device, "drm/card*"))
	for _, path := range cards {
		name := filepath.Base(path)
		if number, err := strconv.ParseUint(strings.TrimPrefix(name, "card"), 10, 32); err == nil { // not one of its plugs, "card0-DP-1"
			all = append(all, present(deviceNode(root, "/dev/dri/"+name, drm, uint32(number)))...)
		}
	}
	return all
}

func present(node *gpuagentv1.DeviceNode) []*gpuagentv1.DeviceNode {
	if node == nil {
		return nil
	}
	return []*gpuagentv1.DeviceNode{node}
}

// Withheld are the devices of GPUs that who was given some of them, by index, is to be kept
// from: those that only others have, each once.
func Withheld(all []*gpuagentv1.Gpu, given []int32) []*gpuagentv1.DeviceNode {
	type numbers struct{ major, minor uint32 }
	seen := map[numbers]bool{}
	unseen := func(nodes []*gpuagentv1.DeviceNode) []*gpuagentv1.DeviceNode {
		var fresh []*gpuagentv1.DeviceNode
		for _, node := range nodes {
			if n := (numbers{node.GetMajor(), node.GetMinor()}); !seen[n] {
				seen[n] = true
				fresh = append(fresh, node)
			}
		}
		return fresh
	}
	var others []*gpuagentv1.DeviceNode
	for _, gpu := range all {
		if slices.Contains(given, gpu.GetIndex()) {
			unseen(gpu.GetDeviceNodes())
		} else {
			others = append(others, gpu.GetDeviceNodes()...)
		}
	}
	return unseen(others)
}
