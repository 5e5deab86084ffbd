package scheduler

import (
	"maps"
	"slices"
	"strings"
)

// Node is a machine that jobs run on.
type Node struct {
	Name        string
	Labels      map[string]string
	Taints      []Taint
	CPUMilli    int64 // thousandths of a core
	MemoryBytes int64
	GPUs        []GPU
	Limit       int  // of jobs at once, however little they ask for; 0 means none
	Cordoned    bool // takes no more jobs; those it has run on
}

func (n *Node) equal(other *Node) bool {
	return n.Name == other.Name && n.CPUMilli == other.CPUMilli && n.MemoryBytes == other.MemoryBytes &&
		n.Limit == other.Limit && n.Cordoned == other.Cordoned && maps.Equal(n.Labels, other.Labels) &&
		slices.Equal(n.Taints, other.Taints) && slices.Equal(n.GPUs, other.GPUs)
}

// GPU is one GPU of a node.
type GPU struct {
	Index       int32 // unique on the node
	Model       string
	Vendor      string // "nvidia" or "amd"; empty when only the model's name may tell
	MemoryBytes int64
	Part        int  // of Whole that it counts in quotas; 0 means all
	Unhealthy   bool // is given to nobody; who has it keeps it
	Link        int  // GPUs of one number are close to each other: one NVLink or NUMA group
}

// Taint keeps jobs off a node that do not tolerate it.
type Taint struct{ Key, Value string }

// String is the taint as people write it.
func (t Taint) String() string {
	if t.Value == "" {
		return t.Key
	}
	return t.Key + "=" + t.Value
}

// Toleration lets a job run on nodes with a taint.
type Toleration struct {
	Key    string
	Value  string
	Exists bool // whether any value of the key will do, and without a key any taint
}

func (t Toleration) tolerates(taint Taint) bool {
	if t.Exists {
		return t.Key == "" || t.Key == taint.Key
	}
	return t.Key == taint.Key && t.Value == taint.Value
}

// vendors are those whom a model may name.
var vendors = map[string]string{"nvidia": "NVIDIA", "amd": "AMD"}

// suits compares a model as asked for, "nvidia-h100", with a GPU, whose vendor may spell it
// "NVIDIA H100 80GB HBM3" or "Tesla T4": every word asked for must be there, but for that of
// the vendor, who is known. A vendor alone is any whole GPU of it. Parts of GPUs suit who asks
// for such a part, and nobody else.
func suits(gpu GPU, want string) bool {
	has := strings.ToLower(gpu.Model)
	want = strings.ToLower(want)
	if partOf(has) != partOf(want) {
		return false
	}
	for word := range strings.FieldsFuncSeq(strings.ReplaceAll(want, "+", "."), isModelBreak) {
		if vendors[word] != "" && gpu.Vendor != "" {
			if word != gpu.Vendor {
				return false
			}
			continue
		}
		if !strings.Contains(strings.ReplaceAll(has, "+", "."), word) {
			return false
		}
	}
	return true
}

// suiting tells of each GPU of a node whether it suits a need. What needs several gets all of
// one vendor: where more than one has some that suit, of the one that has the most.
func suiting(gpus []GPU, need *Need) []bool {
	fit := make([]bool, len(gpus))
	for at, gpu := range gpus {
		fit[at] = suits(gpu, need.GPUModel)
	}
	if need.GPUs <= 1 {
		return fit
	}
	count := map[string]int{}
	for at, gpu := range gpus {
		if fit[at] {
			count[gpu.Vendor]++
		}
	}
	most := ""
	for _, vendor := range slices.Sorted(maps.Keys(count)) {
		if most == "" || count[vendor] > count[most] {
			most = vendor
		}
	}
	for at, gpu := range gpus {
		fit[at] = fit[at] && gpu.Vendor == most
	}
	return fit
}

// Suitable is how many GPUs of the node suit a need, whoever has them.
func (n *Node) Suitable(need *Need) int {
	total := 0
	for _, suits := range suiting(n.GPUs, need) {
		if suits {
			total++
		}
	}
	return total
}

// gpuKind is what GPUs of a model are called: "GPUs of NVIDIA's", "GPUs of model nvidia-h100".
func gpuKind(model string) string {
	switch {
	case model == "":
		return "GPUs"
	case vendors[model] != "":
		return "GPUs of " + vendors[model] + "'s"
	default:
		return "GPUs of model " + model
	}
}

// partOf is which part of a GPU a model means: "1g.10gb" for the MIG device
// "nvidia h100 80gb hbm3 mig-1g.10gb", "shared" for a share in the time of one, and "" for a
// whole one.
func partOf(model string) string {
	if _, profile, ok := strings.Cut(model, "mig-"); ok {
		if i := strings.IndexFunc(profile, isModelBreak); i >= 0 {
			profile = profile[:i]
		}
		return strings.ReplaceAll(profile, "+", ".") // as names of Kubernetes' resources have it
	}
	for word := range strings.FieldsFuncSeq(model, isModelBreak) {
		if word == "shared" {
			return word
		}
	}
	return ""
}

func isModelBreak(r rune) bool { return r == '-' || r == '_' || r == ' ' }
