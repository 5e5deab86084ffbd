package cli

import "github.com/spf13/cobra"

// createCommand is the parent of the commands that create a resource: one command a
// kind, in a file of its own.
func createCommand(s *Session) *cobra.Command {
	command := &cobra.Command{
		Use:   "create KIND NAME",
		Short: "Create a resource",
		Long:  `Create a resource of a kind. Runs are created with "kfmesh run", pipelines with "kfmesh upload".`,
		Example: `  kfmesh create recurringrun nightly pipeline.yaml --cron "0 0 2 * * *"
  kfmesh create recurringrun --help`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	command.AddCommand(createRecurringRunCommand(s))
	return command
}
