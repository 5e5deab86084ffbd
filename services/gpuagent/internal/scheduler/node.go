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
	MemoryBytes int64
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

// suits compares a model as asked for, "nvidia-h100", with one as the vendor
// spells it, "NVIDIA H100 80GB HBM3": every word asked for must be there. Parts of GPUs
// suit who asks for such a part, and nobody else.
func suits(has, want string) bool {
	has, want = strings.ToLower(has), strings.ToLower(want)
	if partOf(has) != partOf(want) {
		return false
	}
	for word := range strings.FieldsFuncSeq(strings.ReplaceAll(want, "+", "."), isModelBreak) {
		if !strings.Contains(strings.ReplaceAll(has, "+", "."), word) {
			return false
		}
	}
	return true
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
