package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func topCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "top",
		Short: "Show how busy nodes, GPUs and replicas are",
		Long: `Show how busy nodes, GPUs and replicas of workloads are, as their agents last reported: each does every
half a minute.`,
		Example: `  kfmesh top nodes
  kfmesh top gpus
  kfmesh top workloads
  kfmesh top gpus -o json`,
	}
	command.AddCommand(
		s.topOf("nodes", "Show how much of its processors, memory and GPUs each node uses", []string{"node"}, nodesTable),
		s.topOf("workloads", "Show how much of processors and memory each replica uses", []string{"workload", "replicas"}, replicasTable),
		s.topOf("gpus", "Show what each GPU does, how it is, and who has it", []string{"gpu"}, gpusTable),
	)
	return command
}

// topOf makes a command that shows a table of the nodes, or the nodes themselves.
func (s *Session) topOf(name, short string, aliases []string, table func(*output.Terminal, []*gpuagentv1.Node) *output.Table) *cobra.Command {
	format := output.FormatTable
	command := &cobra.Command{
		Use: name, Aliases: aliases, Short: short, Example: "  kfmesh top " + name, Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			nodes, err := s.nodes(command.Context())
			if err != nil {
				return err
			}
			if format.Document() {
				return output.Messages(s.Term.Out, format, nodes, true)
			}
			return table(s.Term, nodes).Write(s.Term, s.Term.Out)
		},
	}
	command.Flags().VarP(&format, "output", "o", "how to print: table, json or yaml")
	return command
}

func (s *Session) nodes(ctx context.Context) ([]*gpuagentv1.Node, error) {
	c, err := s.client(ctx)
	if err != nil {
		return nil, err
	}
	all, err := c.Nodes.ListNodes(ctx, &gpuagentv1.ListNodesRequest{})
	return all.GetNodes(), err
}

func nodesTable(term *output.Terminal, nodes []*gpuagentv1.Node) *output.Table {
	table := &output.Table{Headings: []string{"NAME", "CPUS", "CPU%", "MEMORY", "MEMORY%", "GPUS", "GPU%", "WORKLOADS", "SEEN"}}
	for _, n := range nodes {
		status := n.GetStatus()
		held, busy := 0, 0.0
		for _, gpu := range status.GetGpus() {
			if gpu.GetHolder() != "" {
				held++
			}
			busy += gpu.GetUsage().GetUtilizationPercent()
		}
		gpus, percent := "-", "-"
		if all := len(status.GetGpus()); all > 0 {
			gpus, percent = fmt.Sprintf("%d/%d", held, all), fmt.Sprintf("%.0f", busy/float64(all))
		}
		table.Add(n.GetMetadata().GetName(),
			fmt.Sprintf("%.1f/%.0f", float64(status.GetCpuUsedMilli())/1000, float64(status.GetCpuMilli())/1000),
			share(status.GetCpuUsedMilli(), status.GetCpuMilli()),
			output.Bytes(status.GetMemoryUsedBytes())+"/"+output.Bytes(status.GetMemoryBytes()),
			share(status.GetMemoryUsedBytes(), status.GetMemoryBytes()),
			gpus, percent, fmt.Sprint(status.GetRunningWorkloads()), output.Age(status.GetHeartbeatTime(), term.Now()))
	}
	return table
}

// replicasTable lists those that use the most first.
func replicasTable(_ *output.Terminal, nodes []*gpuagentv1.Node) *output.Table {
	table := &output.Table{Headings: []string{"REPLICA", "NODE", "CPUS", "MEMORY"}}
	type row struct {
		node string
		*gpuagentv1.ReplicaUsage
	}
	var rows []row
	for _, n := range nodes {
		for _, r := range n.GetStatus().GetReplicas() {
			rows = append(rows, row{n.GetMetadata().GetName(), r})
		}
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(b.GetCpuUsedMilli(), a.GetCpuUsedMilli()), cmp.Compare(b.GetMemoryUsedBytes(), a.GetMemoryUsedBytes()))
	})
	for _, r := range rows {
		table.Add(r.GetReplica(), r.node, fmt.Sprintf("%.1f", float64(r.GetCpuUsedMilli())/1000), output.Bytes(r.GetMemoryUsedBytes()))
	}
	return table
}

// share is a part in percent of the whole.
func share(part, whole int64) string {
	if whole == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", 100*float64(part)/float64(whole))
}

func gpusTable(_ *output.Terminal, nodes []*gpuagentv1.Node) *output.Table {
	table := &output.Table{Headings: []string{"NODE", "GPU", "MODEL", "UTIL%", "MEMORY", "TEMP", "POWER", "HOLDER", "PROBLEM"}}
	for _, n := range nodes {
		for _, gpu := range n.GetStatus().GetGpus() {
			util, memory, temperature, power := "-", output.Bytes(gpu.GetMemoryBytes()), "-", "-"
			if u := gpu.GetUsage(); u != nil {
				util = fmt.Sprintf("%.0f", u.GetUtilizationPercent())
				memory = output.Bytes(u.GetMemoryUsedBytes()) + "/" + memory
				temperature, power = fmt.Sprintf("%.0f C", u.GetTemperatureCelsius()), fmt.Sprintf("%.0f W", u.GetPowerWatts())
			}
			table.Add(n.GetMetadata().GetName(), kind.GPUNumber(gpu), gpu.GetModel(), util, memory, temperature, power,
				cmp.Or(gpu.GetHolder(), "-"), cmp.Or(gpu.GetProblem(), "-"))
		}
	}
	return table
}
