package process

import (
	"fmt"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/cgroup"
	"github.com/kfmesh/kfmesh/internal/fence"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// fenced is whether replicas can be kept from devices, as it was found out once.
type fenced struct {
	kept    bool
	message string
}

// Fence implements runtime.Fencer. The answer to the first call stands: it is tried out.
func (r *Runtime) Fence(devices []*gpuagentv1.DeviceNode) (kept bool, message string) {
	r.fencing.Do(func() { r.fence = r.tryFence(devices) })
	return r.fence.kept, r.fence.message
}

func (r *Runtime) tryFence(devices []*gpuagentv1.DeviceNode) fenced {
	const told = "replicas are told which are theirs, and not kept from the others: "
	if len(devices) == 0 {
		return fenced{message: told + "their devices are not known"}
	}
	place := r.place()
	if err := fence.Try(place, numbers(devices)); err != nil {
		return fenced{message: told + err.Error()}
	}
	return fenced{kept: true, message: place.Fence.String()}
}

// withhold notes which devices the replica is to be kept from, if that can be.
func (s *starter) withhold() {
	if len(s.order.Withheld) == 0 {
		return
	}
	if kept, _ := s.runtime.Fence(s.order.Withheld); !kept {
		return
	}
	s.deny = numbers(s.order.Withheld)
	if name := s.choosesGPUs(); name != "" {
		has := "no GPUs"
		if len(s.order.GPUs) > 0 {
			has = fmt.Sprintf("%d GPUs", len(s.order.GPUs))
		}
		s.order.Tell.Warn(fmt.Sprintf("it sets %s itself, and was given %s: all others of the node are kept from it, which programs report as no device, or one that is not permitted; ask for as many as it uses",
			name, strings.Replace(has, "1 GPUs", "1 GPU", 1)))
	}
}

// choosesGPUs is the variable by which a template chooses GPUs for itself; empty when it
// leaves that to who gives them out.
func (s *starter) choosesGPUs() string {
	for _, e := range s.order.Template.GetEnv() {
		for _, vendor := range []string{runtime.Nvidia, runtime.AMD} {
			for _, set := range s.order.VisibleGPUs(vendor) {
				if name, _, _ := strings.Cut(set, "="); name == e.GetName() {
					return name
				}
			}
		}
	}
	return ""
}

func numbers(devices []*gpuagentv1.DeviceNode) []cgroup.Device {
	all := make([]cgroup.Device, len(devices))
	for i, d := range devices {
		all[i] = cgroup.Device{Major: d.GetMajor(), Minor: d.GetMinor()}
	}
	return all
}
