package kind

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// taints are taints as they are written.
func taints(list []*gpuagentv1.Taint) []string {
	all := make([]string, len(list))
	for i, t := range list {
		all[i] = t.GetKey() + ":" + t.GetEffect()
		if t.GetValue() != "" {
			all[i] = t.GetKey() + "=" + t.GetValue() + ":" + t.GetEffect()
		}
	}
	return all
}

// describeNode prints what a node has and how it fares.
func describeNode(_ context.Context, _ *client.Client, term *output.Terminal, m proto.Message) error {
	node := m.(*gpuagentv1.Node)
	status := node.GetStatus()
	s := &sheet{term: term}
	s.fields(
		[2]string{"Node", nodeName(node)},
		[2]string{"State", readiness(node)},
		[2]string{"Cordoned", status.GetCordonReason()},
		[2]string{"Host", status.GetHostname()},
		[2]string{"Platform", status.GetPlatform()},
		[2]string{"CPUs", cores(status.GetCpuMilli())},
		[2]string{"Memory", output.Bytes(status.GetMemoryBytes())},
		[2]string{"Disk free", output.Bytes(status.GetDiskFreeBytes())},
		[2]string{"Runtimes", strings.Join(status.GetRuntimes(), ", ")},
		[2]string{"Limits", limits(status)},
		[2]string{"Engine", status.GetContainerEngine()},
		[2]string{"GPUs by", status.GetGpuDriver()},
		[2]string{"Held back", heldBack(status)},
		[2]string{"Python", status.GetPythonVersion()},
		[2]string{"uv", status.GetUvVersion()},
		[2]string{"Running", output.Count(int(status.GetRunningWorkloads()), "workload")},
		[2]string{"Agent", status.GetAgentVersion()},
		[2]string{"Last seen", output.Moment(status.GetHeartbeatTime(), term.Now())},
	)
	s.lines("labels", pairs(node.GetMetadata().GetLabels()))
	s.lines("taints", taints(status.GetTaints()))
	table := &output.Table{Headings: []string{"GPU", "MODEL", "MEMORY", "NUMA", "LINK", "UUID", "HOLDER", "PROBLEM"}, Uncut: true}
	for _, gpu := range status.GetGpus() {
		table.Add(GPUNumber(gpu), gpu.GetModel(), output.Bytes(gpu.GetMemoryBytes()), numa(gpu), dash(int64(gpu.GetLinkGroup())), gpu.GetUuid(),
			cmp.Or(gpu.GetHolder(), "-"), cmp.Or(gpu.GetProblem(), "-"))
	}
	s.table("GPUs", table)
	return s.print()
}

// limits says which limits of processes are enforced.
func limits(s *gpuagentv1.NodeStatus) string {
	enforced := strings.Join(s.GetEnforcedLimits(), ", ")
	switch {
	case s.GetLimitsMessage() == "":
		return enforced
	case enforced == "":
		return "none of processes: " + s.GetLimitsMessage()
	default:
		return enforced + " (" + s.GetLimitsMessage() + ")"
	}
}

// heldBack says whether GPUs are kept from who was not given them; nothing without GPUs.
func heldBack(s *gpuagentv1.NodeStatus) string {
	switch {
	case s.GetGpuFenceMessage() == "":
		return ""
	case s.GetGpusFenced():
		return "GPUs, from processes that were not given them, by " + s.GetGpuFenceMessage()
	default:
		return "no GPUs: " + s.GetGpuFenceMessage()
	}
}

// GPUNumber is what people call a GPU of a node by: "3", and "3.1" for the first part of it.
func GPUNumber(gpu *gpuagentv1.Gpu) string {
	const parts = 1000 // as Gpu.index has them
	if n := gpu.GetIndex(); n >= parts {
		return fmt.Sprintf("%d.%d", n/parts-1, n%parts)
	}
	return fmt.Sprint(gpu.GetIndex())
}

func numa(gpu *gpuagentv1.Gpu) string {
	if gpu.NumaNode == nil {
		return "-"
	}
	return fmt.Sprint(gpu.GetNumaNode())
}
