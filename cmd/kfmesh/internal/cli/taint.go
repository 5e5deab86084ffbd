package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func taintCommand(s *Session) *cobra.Command {
	overwrite := false
	command := &cobra.Command{
		Use:   "taint NODE KEY=VALUE:NoSchedule ... KEY[:NoSchedule]- ...",
		Short: "Keep workloads off a node that do not tolerate its taints",
		Long: `Keep workloads off a node that do not tolerate its taints, as "kubectl taint" does. A
minus at the end takes a taint away. What runs on the node runs on. Taints are remembered
when the node's agent, or kfmesh itself, starts anew; "kfmesh describe node" shows them.

Jobs tolerate them by the tolerations of their pods, steps of pipelines by
kfp.kubernetes.add_toleration.`,
		Example: `  kfmesh taint gpu-7 team=research:NoSchedule
  kfmesh taint gpu-7 team=vision:NoSchedule --overwrite
  kfmesh taint gpu-7 team-`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(command *cobra.Command, args []string) error {
			if args[0] == "node" || args[0] == "nodes" { // as kubectl wants it
				args = args[1:]
			}
			r, err := taintRequest(args)
			if err != nil {
				return err
			}
			r.Overwrite = overwrite
			return s.taint(command.Context(), r)
		},
	}
	command.Flags().BoolVar(&overwrite, "overwrite", false, "give a taint that the node has another value")
	return command
}

func (s *Session) taint(ctx context.Context, r *gpuagentv1.TaintNodeRequest) error {
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	if _, err := c.Nodes.TaintNode(ctx, r); err != nil {
		return err
	}
	did := "tainted"
	if len(r.GetAdd()) == 0 {
		did = "untainted"
	}
	_, err = fmt.Fprintf(s.Term.Out, "%s node %s\n", did, r.GetName())
	return err
}

// taintRequest reads a node's name and taints behind it.
func taintRequest(args []string) (*gpuagentv1.TaintNodeRequest, error) {
	r := &gpuagentv1.TaintNodeRequest{Name: args[0]}
	for _, text := range args[1:] {
		rest, gone := strings.CutSuffix(text, "-")
		rest, effect, effective := strings.Cut(rest, ":")
		key, value, valued := strings.Cut(rest, "=")
		t := &gpuagentv1.Taint{Key: key, Value: value, Effect: effect}
		switch {
		case key == "", gone && valued && !effective, !gone && !effective:
			return nil, fault.Invalidf("", "%q is no taint: give KEY=VALUE:NoSchedule, or KEY- to take it away", text)
		case gone:
			r.Remove = append(r.Remove, t)
		default:
			r.Add = append(r.Add, t)
		}
	}
	if len(args) < 2 {
		return nil, fault.Invalidf("", "there is no taint for node %s: give KEY=VALUE:NoSchedule, or KEY- to take it away", args[0])
	}
	return r, nil
}
