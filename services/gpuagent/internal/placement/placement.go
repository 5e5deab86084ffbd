// Package placement keeps the books on what a node has and decides whether a
// workload fits. It is pure but for its own numbers.
//
// All replicas of a workload are placed together or none is. Memory and GPUs are
// exact. CPU may be promised more often than it exists, because a step that
// shares a core is slower and not wrong, but a replica that asks for more cores
// than the node has waits for a node that has them.
//
// A node runs a limited number of workloads at once, however little they ask for: a
// thousand small processes take more than they say.
//
// Books are not safe for concurrent use; their owner locks.
package placement

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Books are a node's resources and who holds them.
type Books struct {
	node   *gpuagentv1.Node
	limit  int              // of workloads at once
	grants map[string]Grant // by workload uid
}

// Grant is what a workload holds.
type Grant struct {
	MemoryBytes int64
	GPUs        [][]int32 // indexes for each replica, in order of group and index
}

// New opens the books of a node that runs at most so many workloads at once.
func New(node *gpuagentv1.Node, limit int) *Books {
	return &Books{node: node, limit: limit, grants: map[string]Grant{}}
}

// Full reports whether the node runs as many workloads as it may.
func (b *Books) Full() bool { return len(b.grants) >= b.limit }

// Reserve takes what a workload needs. When that is not to be had, the sentence
// says what it waits for.
func (b *Books) Reserve(uid string, spec *gpuagentv1.WorkloadSpec) (grant Grant, sentence string) {
	free := b.freeGPUs()
	for _, group := range spec.GetGroups() {
		need := group.GetTemplate().GetResources()
		if sentence := b.impossible(group); sentence != "" {
			return Grant{}, sentence
		}
		for range Count(group) {
			gpus := take(&free, need)
			if len(gpus) < int(need.GetGpus()) {
				return Grant{}, b.gpuSentence(group)
			}
			grant.GPUs = append(grant.GPUs, gpus)
			grant.MemoryBytes += need.GetMemoryBytes()
		}
	}
	if b.Full() {
		return Grant{}, fmt.Sprintf("waits for its turn: node %s runs %d workloads at once", b.name(), b.limit)
	}
	if left := b.node.GetStatus().GetMemoryBytes() - b.memoryHeld(); grant.MemoryBytes > left {
		return Grant{}, fmt.Sprintf("waits for memory: it asks for %s, and %s of the %s of node %s are free",
			size(grant.MemoryBytes), size(left), size(b.node.GetStatus().GetMemoryBytes()), b.name())
	}
	b.grants[uid] = grant
	return grant, ""
}

// Restore enters what a workload held before the agent was started anew.
func (b *Books) Restore(uid string, grant Grant) { b.grants[uid] = grant }

// Release returns what a workload held. It may be repeated.
func (b *Books) Release(uid string) { delete(b.grants, uid) }

// Count is the number of replicas of a group.
func Count(group *gpuagentv1.ReplicaGroup) int { return max(1, int(group.GetCount())) }

// impossible says what a replica asks for that this node never has.
func (b *Books) impossible(group *gpuagentv1.ReplicaGroup) string {
	need, has := group.GetTemplate().GetResources(), b.node.GetStatus()
	ask := func(what, want, have string) string {
		return fmt.Sprintf("waits for a node with more %s: each replica of %s asks for %s, and node %s, the largest, has %s",
			what, group.GetName(), want, b.name(), have)
	}
	if sentence := b.mismatch(group); sentence != "" {
		return sentence
	}
	switch {
	case need.GetCpuMilli() > has.GetCpuMilli():
		return ask("CPUs", cores(need.GetCpuMilli()), cores(has.GetCpuMilli()))
	case need.GetMemoryBytes() > has.GetMemoryBytes():
		return ask("memory", size(need.GetMemoryBytes()), size(has.GetMemoryBytes()))
	}
	suitable := 0
	for _, gpu := range has.GetGpus() {
		if suits(gpu, need.GetGpuModel()) {
			suitable++
		}
	}
	if int(need.GetGpus()) > suitable {
		what := "GPUs"
		if need.GetGpuModel() != "" {
			what += " of model " + need.GetGpuModel()
		}
		return ask(what, fmt.Sprint(need.GetGpus()), fmt.Sprint(suitable))
	}
	return ""
}

func (b *Books) gpuSentence(group *gpuagentv1.ReplicaGroup) string {
	return fmt.Sprintf("waits for GPUs: %s asks for %d for each of %d replicas, and %d of the %d of node %s are free",
		group.GetName(), group.GetTemplate().GetResources().GetGpus(), Count(group),
		len(b.freeGPUs()), len(b.node.GetStatus().GetGpus()), b.name())
}

func (b *Books) freeGPUs() []*gpuagentv1.Gpu {
	held := map[int32]bool{}
	for _, grant := range b.grants {
		for _, gpus := range grant.GPUs {
			for _, index := range gpus {
				held[index] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(b.node.GetStatus().GetGpus()), func(gpu *gpuagentv1.Gpu) bool {
		return held[gpu.GetIndex()]
	})
}

func (b *Books) memoryHeld() int64 {
	var held int64
	for _, grant := range b.grants {
		held += grant.MemoryBytes
	}
	return held
}

func (b *Books) name() string { return b.node.GetMetadata().GetName() }

// take removes as many suitable GPUs as asked for, or as there are, from free.
func take(free *[]*gpuagentv1.Gpu, need *gpuagentv1.Resources) []int32 {
	var taken []int32
	*free = slices.DeleteFunc(*free, func(gpu *gpuagentv1.Gpu) bool {
		if len(taken) == int(need.GetGpus()) || !suits(gpu, need.GetGpuModel()) {
			return false
		}
		taken = append(taken, gpu.GetIndex())
		return true
	})
	return taken
}

// suits compares a model as asked for, "nvidia-h100", with one as the vendor
// spells it, "NVIDIA H100 80GB HBM3": every word asked for must be there.
func suits(gpu *gpuagentv1.Gpu, model string) bool {
	words := strings.FieldsFunc(strings.ToLower(model), func(r rune) bool { return r == '-' || r == '_' || r == ' ' })
	name := strings.ToLower(gpu.GetModel())
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(name, word) })
}

func cores(milli int64) string { return humanize.Ftoa(float64(milli) / 1000) }

func size(bytes int64) string { return humanize.IBytes(uint64(max(0, bytes))) }
