package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cordonCommand(s *Session) *cobra.Command {
	var reason string
	var gpu int
	command := &cobra.Command{
		Use:   "cordon NODE",
		Short: "Have a node, or one of its GPUs, take no more workloads",
		Long: `Have a node, or one of its GPUs, take no more workloads, as before it is repaired. What
runs on it runs on. "kfmesh uncordon" undoes it. Both are remembered when the node's agent,
or kfmesh itself, starts anew.`,
		Example: `  kfmesh cordon gpu-7 --reason "new fans on Monday"
  kfmesh cordon gpu-7 --gpu 3 --reason "XID 79"
  kfmesh uncordon gpu-7 --gpu 3`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.cordon(command.Context(), args[0], gpu, false, reason)
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for people")
	command.Flags().IntVar(&gpu, "gpu", -1, "`index` of one GPU, which alone is meant")
	return command
}

func uncordonCommand(s *Session) *cobra.Command {
	var gpu int
	command := &cobra.Command{
		Use:   "uncordon NODE",
		Short: "Have a node, or one of its GPUs, take workloads again",
		Example: `  kfmesh uncordon gpu-7
  kfmesh uncordon gpu-7 --gpu 3`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.cordon(command.Context(), args[0], gpu, true, "")
		},
	}
	command.Flags().IntVar(&gpu, "gpu", -1, "`index` of one GPU, which alone is meant")
	return command
}

// cordon marks a node, or a GPU of it when the index is not negative.
func (s *Session) cordon(ctx context.Context, name string, index int, undo bool, reason string) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	what, done := "node "+name, "cordoned"
	if undo {
		done = "uncordoned"
	}
	if index < 0 {
		_, err = c.Nodes.CordonNode(ctx, &gpuagentv1.CordonNodeRequest{Name: name, Undo: undo, Reason: reason})
	} else {
		what = "GPU " + strconv.Itoa(index) + " of " + what
		err = withdraw(ctx, c.Nodes, name, index, undo, reason)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Term.Out, "%s %s\n", done, what)
	return err
}

func withdraw(ctx context.Context, nodes gpuagentv1.NodeServiceClient, name string, index int, undo bool, reason string) error {
	n, err := nodes.GetNode(ctx, &gpuagentv1.GetNodeRequest{Name: name})
	if err != nil {
		return err
	}
	for _, gpu := range n.GetStatus().GetGpus() {
		if int(gpu.GetIndex()) == index {
			_, err := nodes.WithdrawGpu(ctx, &gpuagentv1.WithdrawGpuRequest{Name: name, Uuid: gpu.GetUuid(), Undo: undo, Reason: reason})
			return err
		}
	}
	return fault.NotFoundf("node %s has no GPU %d; it has %d", name, index, len(n.GetStatus().GetGpus()))
}
