package pod

import (
	"maps"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

const milli = 1000 // CPU is counted in thousandths of a core

// maxGPUs is more than any node has.
const maxGPUs = 1024

// badQuantity is what Kubernetes says of what is no quantity.
const badQuantity = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"

// resources reads what a container asks for. A limit without a request is the
// request as well.
func (b *builder) resources(path string, r Resources) *gpuagentv1.Resources {
	requests, limits := b.amounts(path+".requests", r.Requests), b.amounts(path+".limits", r.Limits)
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		limit, limited := limits[name]
		switch exact := exact(name); {
		case exact && !limited && r.Limits[name] == "":
			b.problems.Required(path+".limits", "Limit must be set for non overcommitable resources")
		case exact && limited && requests[name] != limit:
			b.problems.Invalid(path+".requests", string(r.Requests[name]), "must be equal to "+name+" limit of "+string(r.Limits[name]))
		case limited && requests[name] > limit:
			b.problems.Invalid(path+".requests", string(r.Requests[name]), "must be less than or equal to "+name+" limit of "+string(r.Limits[name]))
		}
	}
	asked := maps.Clone(limits)
	maps.Copy(asked, requests)
	out := &gpuagentv1.Resources{
		CpuMilli: asked["cpu"], MemoryBytes: asked["memory"], CpuLimitMilli: limits["cpu"], MemoryLimitBytes: limits["memory"],
	}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		switch {
		case name == "cpu", name == "memory", name == "ephemeral-storage", strings.HasPrefix(name, "hugepages-"):
		case isGPU(name):
			b.gpus(path, name, asked[name], out)
		default:
			b.problems.Warn("%s: nothing is known here of %s, and none is allotted", path, name)
		}
	}
	return out
}

// CheckResources says what is wrong with what a container asks for.
func CheckResources(path string, r Resources, problems *field.Problems) {
	(&builder{spec: &Spec{}, problems: problems}).resources(path, r)
}

// gpus adds GPUs that are asked for by the name of a resource. A container has GPUs of one
// kind: a second is a warning.
func (b *builder) gpus(path, name string, n int64, out *gpuagentv1.Resources) {
	model := gpuModel(name)
	if n == 0 {
		return
	}
	if out.GetGpus() > 0 && out.GetGpuModel() != model {
		b.problems.Warn("%s: %s is not allotted beside other GPUs: a replica has GPUs of one kind", path, name)
		return
	}
	out.Gpus += int32(min(n, maxGPUs)) // #nosec G115 -- bounded
	out.GpuModel = model
}

// gpuModel is the model of GPU that a resource means: any whole one of its vendor, or a
// part, which are called "nvidia.com/mig-1g.10gb" and "nvidia.com/gpu.shared".
func gpuModel(name string) string {
	domain, kind, _ := strings.Cut(name, "/")
	if strings.HasPrefix(kind, "mig-") { // which NVIDIA's alone have
		return kind
	}
	vendor := domain // of whom there is none yet
	switch domain {
	case "nvidia.com", "amd.com":
		vendor = strings.TrimSuffix(domain, ".com")
	case "gpu.intel.com":
		vendor = "intel"
	}
	if strings.HasSuffix(kind, ".shared") {
		return vendor + "-shared"
	}
	return vendor
}

// isGPU reports whether a resource is a GPU, of whatever make, or a part of one.
func isGPU(name string) bool {
	return strings.HasSuffix(name, "/gpu") || strings.HasSuffix(name, "/gpu.shared") || strings.HasPrefix(name, "nvidia.com/mig-") ||
		strings.HasPrefix(name, "gpu.intel.com/")
}

// GPUs counts those that a container asks for.
func (c *Container) GPUs() int32 {
	asked := maps.Clone(c.Resources.Limits)
	if asked == nil {
		asked = map[string]decode.Scalar{}
	}
	maps.Copy(asked, c.Resources.Requests)
	var n int64
	for name, text := range asked {
		if amount, ok := Quantity(string(text), 1); ok && isGPU(name) {
			n += amount
		}
	}
	return int32(min(n, maxGPUs)) // #nosec G115 -- bounded
}

// exact reports whether a container that asks for a resource gets exactly what it asks
// for: neither more nor less may be its limit.
func exact(name string) bool {
	return strings.HasPrefix(name, "hugepages-") || strings.Contains(name, "/") && !native(name)
}

// native reports whether a resource is one of Kubernetes' own.
func native(name string) bool {
	domain, _, _ := strings.Cut(name, "/")
	return !strings.Contains(name, "/") || domain == "kubernetes.io" || strings.HasSuffix(domain, ".kubernetes.io")
}

// resource says what is wrong with the name of a resource, and with an amount of what is
// only had whole.
func (b *builder) resource(path, name, amount string) {
	for _, wrong := range field.QualifiedName(name) {
		b.problems.Invalid(path, name, wrong)
	}
	switch {
	case !strings.Contains(name, "/") && !slices.Contains(measured, name) && !strings.HasPrefix(name, "hugepages-"):
		b.problems.Invalid(path, name, "must be a standard resource for containers")
	case strings.HasPrefix(name, "requests."):
		b.problems.Invalid(path, name, "doesn't follow extended resource name standard")
	}
	if fine, ok := Quantity(amount, milli); ok && exact(name) && fine%milli != 0 {
		b.problems.Invalid(path, amount, "must be an integer")
	}
}

func (b *builder) amounts(path string, of map[string]decode.Scalar) map[string]int64 {
	amounts := map[string]int64{}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		text := of[name]
		b.resource(path+"["+name+"]", name, string(text))
		scale := 1.0
		if name == "cpu" {
			scale = milli
		}
		amount, ok := Quantity(string(text), scale)
		if !ok {
			b.problems.Invalid(path+"["+name+"]", string(text), badQuantity)
			continue
		}
		amounts[name] = amount
	}
	return amounts
}
