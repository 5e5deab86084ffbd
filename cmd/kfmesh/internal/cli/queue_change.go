package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// queueOptions are the flags that say what a queue may have.
type queueOptions struct {
	createOptions
	gpus, borrow, lend int32
	cohort             string
	weight             float64
	priority           int32
	preempt, reclaim   string
}

func (o *queueOptions) register(command *cobra.Command) {
	o.bind(command)
	flags := command.Flags()
	flags.Int32Var(&o.gpus, "gpus", 0, "`number` of GPUs that are its own; without it there is no quota")
	flags.StringVar(&o.cohort, "cohort", "", "`name` of the queues that lend each other what they do not use")
	flags.Int32Var(&o.borrow, "borrow", 0, "`number` of GPUs to borrow at most; without it, all that the cohort lends")
	flags.Int32Var(&o.lend, "lend", 0, "`number` of its own GPUs to lend at most; without it, all")
	flags.Float64Var(&o.weight, "weight", 0, "`weight` in the fair share; 0 means 1")
	flags.Int32Var(&o.priority, "default-priority", 0, "`priority` of workloads that give none")
	flags.StringVar(&o.preempt, "preempt", "", "`whom` of its own to stop for others of its own: never or lower (the default)")
	flags.StringVar(&o.reclaim, "reclaim", "", "`whom` to stop who borrows what it needs: never (the default: it waits for them to end), lower or any")
}

// spec is what the flags say.
func (o *queueOptions) spec(command *cobra.Command) (*gpuagentv1.QueueSpec, error) {
	given := func(flag string, n int32) *int32 {
		if !command.Flags().Changed(flag) {
			return nil
		}
		return &n
	}
	preempt, err := parsePreemption("--preempt", o.preempt)
	if err != nil {
		return nil, err
	}
	reclaim, err := parsePreemption("--reclaim", o.reclaim)
	if err != nil {
		return nil, err
	}
	return &gpuagentv1.QueueSpec{
		GpuQuota: given("gpus", o.gpus), Cohort: o.cohort, BorrowingLimit: given("borrow", o.borrow), LendingLimit: given("lend", o.lend),
		Weight: o.weight, DefaultPriority: o.priority, Preempt: preempt, Reclaim: reclaim,
	}, nil
}

func parsePreemption(flag, word string) (gpuagentv1.Preemption, error) {
	switch strings.ToLower(word) {
	case "":
		return gpuagentv1.Preemption_PREEMPTION_UNSPECIFIED, nil
	case "never":
		return gpuagentv1.Preemption_PREEMPTION_NEVER, nil
	case "lower":
		return gpuagentv1.Preemption_PREEMPTION_LOWER_PRIORITY, nil
	case "any":
		return gpuagentv1.Preemption_PREEMPTION_ANY_PRIORITY, nil
	}
	return 0, fault.Invalidf(flag, "%q: want never, lower or any", word)
}

func queueCreateCommand(s *Session) *cobra.Command {
	o := &queueOptions{}
	command := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a queue",
		Example: `  kfmesh queue create research --gpus 16 --cohort ml --borrow 8
  kfmesh queue create nightly --gpus 0 --cohort ml --weight 0.5`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, args []string) error { return s.putQueue(command, o, args[0], false) },
	}
	o.register(command)
	o.bindReplace(command)
	return command
}

func queueUpdateCommand(s *Session) *cobra.Command {
	o := &queueOptions{}
	command := &cobra.Command{
		Use:   "update NAME",
		Short: "Say anew what a queue may have; flags that are not given are as in create",
		Args:  cobra.ExactArgs(1),
		RunE:  func(command *cobra.Command, args []string) error { return s.putQueue(command, o, args[0], true) },
	}
	o.register(command)
	return command
}

// putQueue makes a queue, or changes one that there is.
func (s *Session) putQueue(command *cobra.Command, o *queueOptions, name string, exists bool) error {
	spec, err := o.spec(command)
	if err != nil {
		return err
	}
	ctx := command.Context()
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	q := &gpuagentv1.Queue{Metadata: o.metadata(s, name), Spec: spec}
	update := func() (*gpuagentv1.Queue, error) {
		return c.Queues.UpdateQueue(ctx, &gpuagentv1.UpdateQueueRequest{Queue: q})
	}
	if exists {
		updated, err := update()
		if err != nil {
			return err
		}
		return s.created(&o.createOptions, kind.Queues(), updated, "updated")
	}
	made, doing, err := createOrReplace(&o.createOptions, func() (*gpuagentv1.Queue, error) {
		return c.Queues.CreateQueue(ctx, &gpuagentv1.CreateQueueRequest{Queue: q})
	}, update)
	if err != nil {
		return err
	}
	return s.created(&o.createOptions, kind.Queues(), made, doing)
}
