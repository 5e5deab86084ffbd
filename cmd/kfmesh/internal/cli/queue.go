package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

func queueCommand(s *Session) *cobra.Command {
	format := output.FormatTable
	command := &cobra.Command{
		Use:     "queue [NAME]",
		Aliases: []string{"queues"},
		Short:   "Show who waits for GPUs and why, and say who may have how many",
		Long: `Show queues, or who waits in one and why, and who runs.

A queue may have a quota of GPUs. Queues of one cohort lend each other what they
do not use, and take it back when they need it. Workloads wait in the queue that
they name, by priority and then by age; those that name none in "default".`,
		Example: `  kfmesh queue                                     # all queues
  kfmesh queue research                            # who waits there, and why
  kfmesh queue create research --gpus 16 --cohort ml --borrow 8
  kfmesh queue update research --gpus 24 --cohort ml
  kfmesh queue delete research`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			c, err := s.client(ctx)
			if err != nil {
				return err
			}
			if len(args) == 0 {
				found, err := kind.Queues().List(ctx, c, kind.Query{})
				if err != nil {
					return err
				}
				return s.show(format, kind.Queues(), found, true)
			}
			return s.showQueue(ctx, c, format, args[0])
		},
	}
	command.Flags().VarP(&format, "output", "o", "how to print: table, wide, json, yaml or name")
	command.AddCommand(queueCreateCommand(s), queueUpdateCommand(s), queueDeleteCommand(s))
	return command
}

// showQueue prints a queue and its workloads; as a document, its workloads.
func (s *Session) showQueue(ctx context.Context, c *client.Client, format output.Format, name string) error {
	if format.Document() {
		jobs, err := c.Queues.ListWaiting(ctx, &gpuagentv1.ListWaitingRequest{Name: name})
		if err != nil {
			return err
		}
		return output.Messages(s.Term.Out, format, []proto.Message{jobs}, false)
	}
	q, err := c.Queues.GetQueue(ctx, &gpuagentv1.GetQueueRequest{Name: name})
	if err != nil {
		return err
	}
	if format == output.FormatName {
		return s.show(format, kind.Queues(), []proto.Message{q}, false)
	}
	return kind.Queues().Describe(ctx, c, s.Term, q)
}

func queueDeleteCommand(s *Session) *cobra.Command {
	return &cobra.Command{
		Use:     "delete NAME ...",
		Aliases: []string{"rm"},
		Short:   "Forget queues; their workloads stay, without a quota",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(command *cobra.Command, args []string) error {
			ctx := command.Context()
			c, err := s.client(ctx)
			if err != nil {
				return err
			}
			var errs []error
			for _, name := range args {
				_, err := c.Queues.DeleteQueue(ctx, &gpuagentv1.DeleteQueueRequest{Name: name})
				if err == nil {
					fmt.Fprintf(s.Term.Out, "deleted queue %s\n", name)
				}
				errs = append(errs, err)
			}
			return joined(errs)
		},
	}
}
