package cli

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func drainCommand(s *Session) *cobra.Command {
	var reason string
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "drain NODE",
		Short: "Have a node take no more workloads, and what runs on it run elsewhere",
		Long: `Have a node take no more workloads, as "kfmesh cordon" does, and what runs on it run
elsewhere: training jobs are stopped within their grace period, and go on from their
checkpoints where there is room. What cannot be moved, such as a step of a pipeline, runs
on to its end. Wait until nothing runs on the node any more; then it may be switched off.

"kfmesh uncordon" has it take workloads again.`,
		Example: `  kfmesh drain gpu-7 --reason "new fans"
  kfmesh drain gpu-7 --timeout 10m && ssh gpu-7 poweroff`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: s.completeReference(kind.Nodes()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.drain(command.Context(), args[0], reason, timeout)
		},
	}
	command.Flags().StringVar(&reason, "reason", "", "why, for people")
	command.Flags().DurationVar(&timeout, "timeout", 0, "give up waiting after this `time`; 0 means never. The node stays cordoned")
	return command
}

// drain empties a node and waits until it is empty. It tells what it waits for.
func (s *Session) drain(ctx context.Context, node, reason string, timeout time.Duration) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Nodes.CordonNode(ctx, &gpuagentv1.CordonNodeRequest{Name: node, Reason: reason, Drain: true}); err != nil {
		return err
	}
	fmt.Fprintf(s.Term.Out, "cordoned node %s\n", node)
	timed := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		timed, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	told := map[string]bool{}
	for {
		left, err := leftOn(ctx, c, node)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			_, err := fmt.Fprintf(s.Term.Out, "drained node %s\n", node)
			return err
		}
		names := slices.Sorted(maps.Keys(left))
		for _, name := range names {
			if !told[name] {
				told[name] = true
				fmt.Fprintf(s.Term.Out, "%s workload %s\n", left[name], name)
			}
		}
		if err := pauseFor(timed, lookAgain); err != nil {
			if ctx.Err() != nil {
				return err
			}
			return fault.New(fault.Canceled, "after %s there still runs on node %s, which stays cordoned: %s", timeout, node, strings.Join(names, ", "))
		}
	}
}

// leftOn is what runs on a node, by namespace and name, and what is done about it.
func leftOn(ctx context.Context, c *client.Client, node string) (map[string]string, error) {
	all, err := client.Collect(0, func(size int32, token string) ([]*gpuagentv1.Workload, string, error) {
		page, err := c.Workloads.ListWorkloads(ctx, &gpuagentv1.ListWorkloadsRequest{PageSize: size, PageToken: token})
		return page.GetWorkloads(), page.GetNextPageToken(), err
	})
	left := map[string]string{}
	for _, w := range all {
		for _, r := range w.GetStatus().GetReplicas() {
			begun := r.GetPhase() == gpuagentv1.Phase_PHASE_STARTING || r.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING
			if r.GetNode() != node || !begun {
				continue
			}
			doing := "waiting for the end of"
			if w.GetSpec().GetDisruptible() {
				doing = "moving"
			}
			left[w.GetMetadata().GetNamespace()+"/"+w.GetMetadata().GetName()] = doing
		}
	}
	return left, err
}
