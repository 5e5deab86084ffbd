package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/doctor"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/up"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func doctorCommand(s *Session) *cobra.Command {
	format := output.FormatTable
	dataDir := s.setting("KFMESH_DATA_DIR", up.DefaultConfig().DataDir)
	command := &cobra.Command{
		Use:   "doctor",
		Short: "Look at this machine and say what is missing",
		Long: `Look at this machine and say what kfmesh finds here: Python, uv, a container
engine, GPUs, disk space, and what to do about what is missing. The exit status
is 1 when something is missing without which kfmesh cannot do its work.`,
		Example: "  kfmesh doctor\n  kfmesh doctor -o json",
		Args:    cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return s.doctor(command.Context(), format, dataDir)
		},
	}
	command.Flags().StringVar(&dataDir, "data-dir", dataDir, "`directory` that kfmesh up keeps everything in (KFMESH_DATA_DIR)")
	command.Flags().VarP(&format, "output", "o", "how to print: table, json or yaml")
	return command
}

func (s *Session) doctor(ctx context.Context, format output.Format, dataDir string) error {
	agent := up.DefaultConfig().Agent
	agent.ContainerHost = s.setting("KFMESH_CONTAINER_HOST", agent.ContainerHost)
	results := doctor.Examine(ctx, doctor.Machine{Dir: dataDir, Address: s.server, Connect: s.reach, Agent: agent})
	if format.Document() {
		if err := output.Value(s.Term.Out, format, map[string]any{"checks": results}); err != nil {
			return err
		}
	} else if err := doctor.Table(results).Write(s.Term, s.Term.Out); err != nil {
		return err
	}
	if !doctor.Healthy(results) {
		return errUnsuccessful
	}
	return nil
}

// reach makes sure that a kfmesh answers at the address, not just anything.
func (s *Session) reach(ctx context.Context, address string) error {
	c, err := s.Connect(ctx, address)
	if err != nil {
		return err
	}
	if _, err := c.Nodes.ListNodes(ctx, &gpuagentv1.ListNodesRequest{}); err != nil {
		return fmt.Errorf("something listens at %s, but does not answer as kfmesh: %w", address, err)
	}
	return nil
}
