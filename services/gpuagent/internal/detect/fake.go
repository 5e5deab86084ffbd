package detect

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// maxFakes is how many GPUs a node may pretend to have.
const maxFakes = 64

// Fake is GPUs that are not there, so that what asks for GPUs can be tried on a
// machine without any: they are placed, allotted and hidden as real ones are.
type Fake struct {
	models []string // of each GPU
	node   string
}

// model is a GPU as its vendor describes it.
type model struct {
	name   string
	memory int64 // bytes
}

// models are GPUs by the short name that people use. What is not among them
// keeps its name and has 16 GiB.
var models = map[string]model{
	"T4":    {"Tesla T4", 16 << 30},
	"L4":    {"NVIDIA L4", 24 << 30},
	"V100":  {"Tesla V100-SXM2-32GB", 32 << 30},
	"A100":  {"NVIDIA A100-SXM4-80GB", 80 << 30},
	"H100":  {"NVIDIA H100 80GB HBM3", 80 << 30},
	"H200":  {"NVIDIA H200", 141 << 30},
	"MI300": {"AMD Instinct MI300X", 192 << 30},
}

// ParseFakes reads a description such as "8xH100" or "4xA100,2xT4": how many of
// which model, of the GPUs of a node.
func ParseFakes(description, node string) (Fake, error) {
	fake := Fake{node: node}
	for part := range strings.SplitSeq(description, ",") {
		count, name, found := strings.Cut(strings.TrimSpace(part), "x")
		n, err := strconv.Atoi(count)
		if !found || err != nil || n < 1 || strings.TrimSpace(name) == "" {
			return Fake{}, fault.Invalidf("fake-gpus", "%q is not a number of GPUs; want such as 8xH100 or 4xA100,2xT4", part)
		}
		if len(fake.models)+n > maxFakes {
			return Fake{}, fault.Invalidf("fake-gpus", "%q is more than the %d GPUs that a node may pretend to have", description, maxFakes)
		}
		for range n {
			fake.models = append(fake.models, strings.TrimSpace(name))
		}
	}
	return fake, nil
}

// List implements GPUs. The UUIDs are the same whenever the node is started.
func (f Fake) List(context.Context) ([]*gpuagentv1.Gpu, error) {
	gpus := make([]*gpuagentv1.Gpu, len(f.models))
	for i, short := range f.models {
		known, ok := models[strings.ToUpper(short)]
		if !ok {
			known = model{short, 16 << 30}
		}
		gpus[i] = &gpuagentv1.Gpu{
			Index: int32(i), Uuid: fmt.Sprintf("GPU-fake-%s-%d", f.node, i), Model: known.name, MemoryBytes: known.memory,
			Usage: &gpuagentv1.GpuUsage{}, // they do nothing
		}
	}
	return gpus, nil
}
