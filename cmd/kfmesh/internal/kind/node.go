package kind

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Nodes is the kind of machines that run workloads.
func Nodes() *Kind {
	return &Kind{
		Singular: "node", Plural: "nodes", Short: []string{"n"},
		Named: true,
		Whole: true,
		Flags: []string{"selector"},
		Columns: []Column{
			column("NAME", nodeName),
			stateColumn("STATE", readiness),
			column("CPUS", func(n *gpuagentv1.Node) string { return cores(n.GetStatus().GetCpuMilli()) }),
			column("MEMORY", func(n *gpuagentv1.Node) string { return output.Bytes(n.GetStatus().GetMemoryBytes()) }),
			column("GPUS", func(n *gpuagentv1.Node) string { return GPUs(n.GetStatus().GetGpus()) }),
			column("WORKLOADS", func(n *gpuagentv1.Node) string { return fmt.Sprint(n.GetStatus().GetRunningWorkloads()) }),
			timedColumn("SEEN", func(n *gpuagentv1.Node, t *output.Terminal) string {
				return output.Age(n.GetStatus().GetHeartbeatTime(), t.Now())
			}),
			wide(column("PLATFORM", func(n *gpuagentv1.Node) string { return n.GetStatus().GetPlatform() })),
			wide(column("DISK FREE", func(n *gpuagentv1.Node) string { return output.Bytes(n.GetStatus().GetDiskFreeBytes()) })),
			wide(column("RUNTIMES", func(n *gpuagentv1.Node) string { return strings.Join(n.GetStatus().GetRuntimes(), ",") })),
			wide(column("ENGINE", func(n *gpuagentv1.Node) string { return cmp.Or(n.GetStatus().GetContainerEngine(), "-") })),
			wide(column("PYTHON", func(n *gpuagentv1.Node) string { return n.GetStatus().GetPythonVersion() })),
			wide(column("VERSION", func(n *gpuagentv1.Node) string { return n.GetStatus().GetAgentVersion() })),
		},
		ID:       func(m proto.Message) string { return nodeName(m.(*gpuagentv1.Node)) },
		Name:     func(m proto.Message) string { return nodeName(m.(*gpuagentv1.Node)) },
		List:     listNodes,
		Get:      getNode,
		Describe: describeNode,
	}
}

func nodeName(n *gpuagentv1.Node) string { return n.GetMetadata().GetName() }

func readiness(n *gpuagentv1.Node) string {
	switch {
	case !n.GetStatus().GetReady():
		return "NOT READY"
	case n.GetStatus().GetCordoned():
		return "CORDONED"
	default:
		return "READY"
	}
}

// cores is thousandths of a core as cores: "8" or "0.5".
func cores(milli int64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", float64(milli)/1000), ".0")
}

// GPUs counts GPUs by model: "2 x NVIDIA H100 80GB HBM3", or "-" for none.
func GPUs(gpus []*gpuagentv1.Gpu) string {
	var models []string
	counts := map[string]int{}
	for _, gpu := range gpus {
		if counts[gpu.GetModel()] == 0 {
			models = append(models, gpu.GetModel())
		}
		counts[gpu.GetModel()]++
	}
	if len(models) == 0 {
		return "-"
	}
	slices.Sort(models)
	for i, model := range models {
		models[i] = fmt.Sprintf("%d x %s", counts[model], model)
	}
	return strings.Join(models, ", ")
}

func listNodes(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
	all, err := c.Nodes.ListNodes(ctx, &gpuagentv1.ListNodesRequest{})
	nodes := slices.DeleteFunc(all.GetNodes(), func(n *gpuagentv1.Node) bool { return !q.labelled(n.GetMetadata().GetLabels()) })
	if q.Limit > 0 && len(nodes) > q.Limit {
		nodes = nodes[:q.Limit]
	}
	return messages(nodes), err
}

func getNode(ctx context.Context, c *client.Client, _, id string) (proto.Message, error) {
	return c.Nodes.GetNode(ctx, &gpuagentv1.GetNodeRequest{Name: id})
}
