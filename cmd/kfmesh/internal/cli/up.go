package cli

import (
	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/up"
	"github.com/kfmesh/kfmesh/internal/config"
)

func upCommand(s *Session) *cobra.Command {
	cfg := up.DefaultConfig()
	command := &cobra.Command{
		Use:   "up",
		Short: "Serve everything from this process, until interrupted",
		Long: `Serve everything from this process: the KFP API and the other REST APIs over
HTTP, gRPC, the state, the events and the artifacts, all kept in one directory.
What is there when it starts goes on where it was.

Each setting is a flag, an environment variable (KFMESH_ and its name in capitals,
such as KFMESH_DATA_DIR), or a key of the YAML file that --config names; the first
of these that is given counts.`,
		Example: `  kfmesh up
  kfmesh up --data-dir /var/lib/kfmesh --http-addr 127.0.0.1:8888
  kfmesh up --http-addr 127.0.0.1:0 --grpc-addr 127.0.0.1:0   # free ports
  KFMESH_DATA_DIR=/tmp/try kfmesh up`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := config.Load(command.Flags(), &cfg, s.Environ); err != nil {
				return err
			}
			return up.Run(command.Context(), up.Options{Config: cfg, Version: s.Version, Out: s.Term.Out, Log: s.Term.Err})
		},
	}
	config.Bind(command.Flags(), &cfg)
	return command
}
