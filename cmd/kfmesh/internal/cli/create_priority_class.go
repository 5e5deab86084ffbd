package cli

import (
	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func createPriorityClassCommand(s *Session) *cobra.Command {
	o := &createOptions{}
	var value int32
	var description string
	command := &cobra.Command{
		Use:   "priorityclass NAME --value N",
		Short: "Give a priority of workloads a name",
		Long: `Give a priority of workloads a name, for jobs to be placed earlier, or later, than
others: schedulingPolicy.priorityClass of a training job, priorityClassName of its pods,
or the annotation kfmesh.dev/priority-class. What was submitted before keeps the priority
that it has.`,
		Example: `  kfmesh create priorityclass high --value 1000 --description "before all others"
  kfmesh create priorityclass low --value -10 --replace`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			if !command.Flags().Changed("value") {
				return fault.Invalidf("--value", "is missing; give a number, the higher the earlier")
			}
			ctx := command.Context()
			c, err := s.client(ctx)
			if err != nil {
				return err
			}
			class := &gpuagentv1.PriorityClass{Metadata: o.metadata(s, args[0]), Value: value, Description: description}
			made, doing, err := createOrReplace(o, func() (*gpuagentv1.PriorityClass, error) {
				return c.PriorityClasses.CreatePriorityClass(ctx, &gpuagentv1.CreatePriorityClassRequest{PriorityClass: class})
			}, func() (*gpuagentv1.PriorityClass, error) {
				return c.PriorityClasses.UpdatePriorityClass(ctx, &gpuagentv1.UpdatePriorityClassRequest{PriorityClass: class})
			})
			if err != nil {
				return err
			}
			return s.created(o, kind.PriorityClasses(), made, doing)
		},
	}
	o.bind(command)
	o.bindReplace(command)
	command.Flags().Int32Var(&value, "value", 0, "the `priority`: the higher, the earlier workloads are placed")
	command.Flags().StringVar(&description, "description", "", "what it is for, for people")
	return command
}
