package launch

import (
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

const (
	milli = 1000 // CPU is counted in thousandths of a core
	giga  = 1e9  // the older memory fields are in GB
)

// resources reads what a container asks for. A limit without a request is the
// request as well, as in Kubernetes.
func resources(scope *placeholder.Scope, asked *ir.Resources) (Resources, error) {
	if asked == nil {
		return Resources{}, nil
	}
	var (
		r   Resources
		err error
	)
	for _, amount := range []struct {
		to    *int64
		field string
		text  string
		older int64
		scale float64
	}{
		{&r.CPUMilli, "resourceCpuRequest", asked.ResourceCPURequest, int64(asked.CPURequest * milli), milli},
		{&r.CPULimitMilli, "resourceCpuLimit", asked.ResourceCPULimit, int64(asked.CPULimit * milli), milli},
		{&r.MemoryBytes, "resourceMemoryRequest", asked.ResourceMemoryRequest, int64(asked.MemoryRequest * giga), 1},
		{&r.MemoryLimitBytes, "resourceMemoryLimit", asked.ResourceMemoryLimit, int64(asked.MemoryLimit * giga), 1},
	} {
		if *amount.to, err = resolveQuantity(scope, "resources."+amount.field, amount.text, amount.scale); err != nil {
			return Resources{}, err
		}
		if amount.text == "" {
			*amount.to = amount.older
		}
	}
	if r.CPUMilli == 0 {
		r.CPUMilli = r.CPULimitMilli
	}
	if r.MemoryBytes == 0 {
		r.MemoryBytes = r.MemoryLimitBytes
	}
	r.GPUs, r.GPUModel, err = accelerator(scope, asked.Accelerator)
	return r, err
}

func resolveQuantity(scope *placeholder.Scope, field, text string, scale float64) (int64, error) {
	resolved, err := scope.Resolve(text)
	if err != nil {
		return 0, err
	}
	return quantity(field, resolved, scale)
}

// maxGPUs is more than any node has.
const maxGPUs = 1024

// accelerator reads the devices a container asks for.
func accelerator(scope *placeholder.Scope, a *ir.Accelerator) (int32, string, error) {
	if a == nil {
		return 0, "", nil
	}
	const field = "resources.accelerator"
	count, err := resolveQuantity(scope, field+".resourceCount", a.ResourceCount, 1)
	if err != nil {
		return 0, "", err
	}
	if a.ResourceCount == "" {
		count = int64(a.Count)
	}
	if count < 0 || count > maxGPUs {
		return 0, "", fault.New(fault.Invalid, "%s: %d is not a number of devices from 0 to %d", field+".resourceCount", count, maxGPUs)
	}
	kind := a.ResourceType
	if kind == "" {
		kind = a.Type
	}
	kind, err = scope.Resolve(kind)
	return int32(count), gpuModel(kind), err
}

// gpuModel is the model that an accelerator type means, empty when any will do:
// "nvidia.com/gpu" is the name of a Kubernetes resource, any whole GPU of a vendor's or a
// part, "NVIDIA_TESLA_T4" a model, and "gpu" any.
func gpuModel(kind string) string {
	domain, part, resource := strings.Cut(kind, "/")
	vendor := strings.TrimSuffix(domain, ".com")
	switch {
	case resource && strings.HasPrefix(part, "mig-"): // which NVIDIA's alone have
		return part
	case resource && part == "gpu.shared":
		return vendor + "-shared"
	case resource && part == "gpu":
		return vendor
	case strings.EqualFold(kind, "gpu"):
		return ""
	}
	return strings.ReplaceAll(strings.ToLower(kind), "_", "-")
}
