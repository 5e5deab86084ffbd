package container

import (
	"fmt"
	"maps"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/moby/api/types/container"
	enginemount "github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rsh"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// specOf is the container that an order means.
func specOf(o runtime.Order, image imageFacts, user string, opts Options) (client.ContainerCreateOptions, error) {
	if len(o.Command)+len(o.Args)+len(image.entrypoint)+len(image.command) == 0 {
		return client.ContainerCreateOptions{}, fault.Preconditionf("there is no command, and image %s names none", o.Template.GetImage())
	}
	mounts, err := mountsOf(o, opts.Mounts)
	if err != nil {
		return client.ContainerCreateOptions{}, err
	}
	if o.RSH != "" && container.NetworkMode(opts.Network).IsHost() { // elsewhere others do not reach it
		mounts = append(mounts, mount.Mount{Source: o.RSH, Target: insideRSH, ReadOnly: true})
		o.Env = append([]string{rsh.Program + "=" + insideRSH}, o.Env...)
	}
	config := &container.Config{
		Image: o.Template.GetImage(), Entrypoint: o.Command, Cmd: o.Args,
		Env: environment(o, image, user), WorkingDir: workingDir(o, image), User: user,
		Labels: o.Labels,
	}
	host := &container.HostConfig{
		ExtraHosts:  extraHosts(o.Hosts),
		NetworkMode: container.NetworkMode(opts.Network),
		Mounts:      engineMounts(mounts),
		LogConfig:   container.LogConfig{Type: "json-file"}, // whatever the engine's default: this one can be read back
		Resources:   resources(o),
	}
	if !host.NetworkMode.IsHost() && !host.NetworkMode.IsNone() {
		config.ExposedPorts, host.PortBindings = publish(o.Ports)
	}
	return client.ContainerCreateOptions{Config: config, HostConfig: host}, nil
}

// environment is what the image does not set itself. Each name is there once:
// engines do not agree on which of two counts.
func environment(o runtime.Order, image imageFacts, user string) []string {
	var env []string
	if _, set := environ.Lookup(image.env, "PYTHONUNBUFFERED"); !set {
		env = append(env, "PYTHONUNBUFFERED=1") // so that a log can be followed
	}
	if name, _, _ := strings.Cut(user, ":"); !isRoot(user) && isNumber(name) { // who need not have a home in the image
		env = append(env, "HOME="+o.WorkDir)
	}
	env = append(env, o.VisibleGPUs(runtime.AMD)...)
	if slices.Contains(o.GPUVendors, runtime.Nvidia) && len(o.GPUsOf(runtime.Nvidia)) == 0 {
		env = append(env, "NVIDIA_VISIBLE_DEVICES=void") // images ask for all, and an engine may be set up to give them
	}
	last := map[string]string{}
	for _, entry := range append(env, o.Env...) {
		name, _, _ := strings.Cut(entry, "=")
		last[name] = entry
	}
	return slices.Sorted(maps.Values(last))
}

// extraHosts are names as an engine takes them.
func extraHosts(hosts []runtime.Host) []string {
	var all []string
	for _, h := range hosts {
		for _, name := range h.Names {
			all = append(all, name+":"+h.IP)
		}
	}
	return all
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil
}

// workingDir is the directory that the command starts in: the template's, or the
// image's, or else the replica's own.
func workingDir(o runtime.Order, image imageFacts) string {
	switch dir := o.Template.GetWorkingDir(); {
	case filepath.IsAbs(dir):
		return filepath.Clean(dir)
	case dir != "", image.workDir == "", image.workDir == "/":
		return o.WorkDir
	}
	return image.workDir
}

func engineMounts(mounts []mount.Mount) []enginemount.Mount {
	converted := make([]enginemount.Mount, len(mounts))
	for i, m := range mounts {
		converted[i] = enginemount.Mount{Type: enginemount.TypeBind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	}
	return converted
}

// sharesOfCore is what Linux' cpu.shares give one core's worth of weight.
const sharesOfCore = 1024

// resources are the limits. What is only reserved is a weight when the node is busy.
func resources(o runtime.Order) container.Resources {
	need := o.Template.GetResources()
	r := container.Resources{
		NanoCPUs:   need.GetCpuLimitMilli() * 1e6,
		Memory:     need.GetMemoryLimitBytes(),
		MemorySwap: need.GetMemoryLimitBytes(), // memory and swap together: no swap
	}
	if milli := need.GetCpuMilli(); milli > 0 {
		r.CPUShares = max(2, milli*sharesOfCore/1000)
	}
	if reserved := need.GetMemoryBytes(); r.Memory == 0 || reserved < r.Memory {
		r.MemoryReservation = reserved
	}
	r.Devices = amdDevices(o)
	if uuids := o.GPUsOf(runtime.Nvidia); len(uuids) > 0 {
		r.DeviceRequests = []container.DeviceRequest{{Driver: "nvidia", DeviceIDs: uuids, Capabilities: [][]string{{"gpu"}}}}
	}
	return r
}

// amdDevices are what a container needs of AMD's, of which engines know nothing: the device
// that all share, and those of the GPUs it was given. Where those are not known it gets
// all, and variables say which are meant.
func amdDevices(o runtime.Order) []container.DeviceMapping {
	var own []container.DeviceMapping
	for _, gpu := range o.GPUs {
		if gpu.Vendor != runtime.AMD {
			continue
		}
		if len(gpu.Devices) == 0 {
			return []container.DeviceMapping{device("/dev/kfd"), device("/dev/dri")}
		}
		for _, path := range gpu.Devices {
			own = append(own, device(path))
		}
	}
	if own == nil {
		return nil
	}
	return append([]container.DeviceMapping{device("/dev/kfd")}, own...)
}

func device(path string) container.DeviceMapping {
	return container.DeviceMapping{PathOnHost: path, PathInContainer: path, CgroupPermissions: "rwm"}
}

// publish makes the ports that a replica was given reachable where they are for
// a process.
func publish(ports map[string]int32) (network.PortSet, network.PortMap) {
	set, bindings := network.PortSet{}, network.PortMap{}
	for _, number := range ports {
		port, ok := network.PortFrom(uint16(number), network.TCP)
		if !ok {
			continue
		}
		set[port] = struct{}{}
		bindings[port] = []network.PortBinding{{HostIP: netip.AddrFrom4([4]byte{127, 0, 0, 1}), HostPort: fmt.Sprint(number)}}
	}
	return set, bindings
}
