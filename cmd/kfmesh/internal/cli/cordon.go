package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func cordonCommand(s *Session) *cobra.Command {
	var reason, gpu string
	command := &cobra.Command{
		Use:   "cordon NODE",
		Short: "Have a node, or one of its GPUs, take no more workloads",
		Long: `Have a node, or one of its GPUs, take no more workloads, as before it is repaired. What
runs on it runs on, unlike with "kfmesh drain". "kfmesh uncordon" undoes it. Both are remembered when the node's agent,
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
	command.Flags().StringVar(&gpu, "gpu", "", gpuUsage)
	return command
}

const gpuUsage = "`number` or UUID of one GPU, which alone is meant, or of a part of it, such as 3.1"

func uncordonCommand(s *Session) *cobra.Command {
	var gpu string
	command := &cobra.Command{
		Use:   "uncordon NODE",
		Short: "Have a node, or one of its GPUs, take workloads again",
		Long: `Have a node, or one of its GPUs, take workloads again. What was wrong with the GPU by now
is no longer counted; what goes wrong with it later is.`,
		Example: `  kfmesh uncordon gpu-7
  kfmesh uncordon gpu-7 --gpu 3`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			return s.cordon(command.Context(), args[0], gpu, true, "")
		},
	}
	command.Flags().StringVar(&gpu, "gpu", "", gpuUsage)
	return command
}

// cordon marks a node, or a GPU of it when one is named.
func (s *Session) cordon(ctx context.Context, name, gpu string, undo bool, reason string) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	what, done := "node "+name, "cordoned"
	if undo {
		done = "uncordoned"
	}
	if gpu == "" {
		_, err = c.Nodes.CordonNode(ctx, &gpuagentv1.CordonNodeRequest{Name: name, Undo: undo, Reason: reason})
	} else {
		what = "GPU " + gpu + " of " + what
		err = withdraw(ctx, c.Nodes, name, gpu, undo, reason)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Term.Out, "%s %s\n", done, what)
	return err
}

// withdraw marks a GPU, or all parts of it.
func withdraw(ctx context.Context, nodes gpuagentv1.NodeServiceClient, name, which string, undo bool, reason string) error {
	n, err := nodes.GetNode(ctx, &gpuagentv1.GetNodeRequest{Name: name})
	if err != nil {
		return err
	}
	found := false
	for _, gpu := range n.GetStatus().GetGpus() {
		whole, _, _ := strings.Cut(kind.GPUNumber(gpu), ".")
		if !slices.Contains([]string{kind.GPUNumber(gpu), whole, gpu.GetUuid()}, which) {
			continue
		}
		_, err := nodes.WithdrawGpu(ctx, &gpuagentv1.WithdrawGpuRequest{Name: name, Uuid: gpu.GetUuid(), Undo: undo, Reason: reason})
		if err != nil {
			return err
		}
		found = true
	}
	if !found {
		return fault.NotFoundf("node %s has no GPU %s; it has %d", name, which, len(n.GetStatus().GetGpus()))
	}
	return nil
}
