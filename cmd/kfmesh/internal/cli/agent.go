package cli

import (
	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/agent"
	"github.com/kfmesh/kfmesh/internal/config"
)

func agentCommand(s *Session) *cobra.Command {
	cfg := agent.DefaultConfig()
	command := &cobra.Command{
		Use:   "agent",
		Short: "Lend this machine to a kfmesh elsewhere, until interrupted",
		Long: `Lend this machine to a kfmesh that serves elsewhere, the head: join its mesh and
run what it orders here.

On the head, "kfmesh up --mesh-addr 0.0.0.0:9443" opens the door, and "kfmesh token
create" prints the command to give here. The token names the head, so that nobody
else can answer in its place, and is needed the first time alone: what the head
answers, a certificate, is kept in the agent's directory and renewed in time.

A head that does not answer is called again for ever. Each setting is a flag, an
environment variable (KFMESH_ and its name in capitals, such as KFMESH_TOKEN), or a
key of the YAML file that --config names; the first of these that is given counts.`,
		Example: `  kfmesh agent --join 192.0.2.1:9443 --token 4c8k...
  KFMESH_TOKEN=4c8k... kfmesh agent --join 192.0.2.1:9443   # not to be seen by others of this machine
  kfmesh agent                                              # again, as the node that it was
  kfmesh agent --join head:9443 --token ... --node-name gpu-7 --node-labels disk=ssd --agent-dir /var/lib/kfmesh-agent
  kfmesh agent --join head:9443 --token ... --listen :9500 --advertise gpu-7.example.com:9500`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := config.Load(command.Flags(), &cfg, s.Environ); err != nil {
				return err
			}
			return agent.Run(command.Context(), agent.Options{Config: cfg, Version: s.Version, Out: s.Term.Out, Log: s.Term.Err})
		},
	}
	config.Bind(command.Flags(), &cfg)
	return command
}
