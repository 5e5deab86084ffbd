package cli

import "github.com/spf13/cobra"

// createCommand is the parent of the commands that create a resource: one command a
// kind, in a file of its own.
func createCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "create KIND NAME",
		Short: "Create a resource",
		Long: `Create a resource of a kind. Runs are created with "kfmesh run", pipelines with "kfmesh upload".

Steps mount secrets, config maps and volumes, or get values of them as environment.
Values of secrets are encrypted where they are kept, and nothing shows them but
the steps that name them.`,
		Example: `  kfmesh create recurringrun nightly pipeline.yaml --cron "0 0 2 * * *"
  kfmesh create secret generic db --from-literal user=ann --from-file password=./password.txt
  kfmesh create secret docker-registry ghcr --docker-server ghcr.io --docker-username ann --docker-password -
  kfmesh create configmap app --from-file settings.ini
  kfmesh create volume data --size 10Gi
  kfmesh create recurringrun --help`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(createRecurringRunCommand(s), createSecretCommand(s), createConfigMapCommand(s), createVolumeCommand(s), createPriorityClassCommand(s))
	return command
}
