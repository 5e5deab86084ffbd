package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/kind"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/logs"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// logOptions are the flags of logs.
type logOptions struct {
	task   string
	follow bool
	tail   int64

	replica string // of a job
	all     bool
	attempt int
	before  bool // the attempt before the present one

	container string // of a job or workload
}

func logsCommand(s *Session) *cobra.Command {
	o := &logOptions{}
	command := &cobra.Command{
		Use:   "logs [KIND] ID or NAME",
		Short: "Print what the tasks of a run, or the replicas of a job or workload, wrote",
		Long: `Print what the tasks of a run wrote to standard output and standard error, or
the replicas of a workload. The kind is "run" unless another is given. Of a job, the
first replica is meant unless --replica or --all says otherwise.

Where several write, each line begins with the path of the task or the name of
the replica. Logs stay after the run has ended.`,
		Example: `  kfmesh logs last
  kfmesh logs last --task train --tail 20
  kfmesh logs last --task 'for-loop-1[2]/train' -f
  kfmesh logs job/my-job -f --replica worker-1
  kfmesh logs job/my-job --all --previous
  kfmesh logs workload my-workload -f`,
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: s.completeReference(kind.Runs()),
		RunE: func(command *cobra.Command, args []string) error {
			return s.logs(command.Context(), o, args)
		},
	}
	flags := command.Flags()
	flags.StringVarP(&o.task, "task", "t", "", "only this `task` of a run: its name, path or id")
	flags.BoolVarP(&o.follow, "follow", "f", false, "keep printing until the run or workload has ended")
	flags.StringVar(&o.replica, "replica", "", "only this `replica` of a job, such as worker-1")
	flags.BoolVar(&o.all, "all", false, "all replicas of a job")
	flags.IntVar(&o.attempt, "attempt", 0, "an earlier `attempt` at a job, from 1; 0 means the present one")
	flags.BoolVarP(&o.before, "previous", "p", false, "the attempt at a job before the present one")
	flags.StringVarP(&o.container, "container", "c", "", "only this `container` beside the one that counts, of a job or workload that runs containers")
	flags.Int64Var(&o.tail, "tail", 0, "only the last `lines` of each task or replica; 0 means all")
	return command
}

func (s *Session) logs(ctx context.Context, o *logOptions, args []string) error {
	k, ref, err := parseReference(args, kind.Runs())
	if err != nil {
		return err
	}
	if o.tail < 0 {
		return fault.Invalidf("--tail", "is %d; give 0 for all, or more", o.tail)
	}
	c, err := s.client(ctx)
	if err != nil {
		return err
	}
	found, err := k.Resolve(ctx, c, s.namespace, ref)
	if err != nil {
		return err
	}
	if err := o.goWith(found); err != nil {
		return err
	}
	switch m := found.(type) {
	case *trainingv1.TrainingJob:
		return s.jobLogs(ctx, c, m, o)
	case *pipelinev1.Run:
		return s.runLogs(ctx, c, m, o)
	case *gpuagentv1.Workload:
		return s.workloadLogs(ctx, c, m, o)
	}
	return fault.Invalidf("", "%s have no logs; runs, jobs and workloads do", k.Plural)
}

// goWith says which options do not go with what was found.
func (o *logOptions) goWith(found proto.Message) error {
	_, job := found.(*trainingv1.TrainingJob)
	_, run := found.(*pipelinev1.Run)
	switch {
	case !job && (o.replica != "" || o.all || o.attempt != 0 || o.before):
		return fault.Invalidf("", "--replica, --all, --attempt and --previous go with jobs")
	case o.before && (o.attempt != 0 || o.follow):
		return fault.Invalidf("--previous", "goes with neither --attempt nor --follow")
	case !run && o.task != "":
		return fault.Invalidf("--task", "goes with runs; jobs and workloads have none")
	case run && o.container != "":
		return fault.Invalidf("--container", "goes with jobs and workloads; a task has one container")
	}
	return nil
}

func (s *Session) runLogs(ctx context.Context, c *client.Client, run *pipelinev1.Run, o *logOptions) error {
	prefix := o.task == ""
	if !prefix {
		several, err := severalTasks(ctx, c, run.GetRunId(), o.task)
		if err != nil {
			return err
		}
		prefix = several
	}
	stream, err := c.Runs.TaskLogs(ctx, &pipelinev1.TaskLogsRequest{
		RunId: run.GetRunId(), Task: o.task, Follow: o.follow, TailLines: o.tail,
	})
	if err != nil {
		return err
	}
	return copyLogs(s, stream, logs.NewPrinter(s.Term, prefix), func(chunk *pipelinev1.TaskLogChunk) (string, []byte) {
		return taskSource(chunk), chunk.GetData()
	})
}

// taskSource names who wrote: the task, and which attempt after the first.
func taskSource(chunk *pipelinev1.TaskLogChunk) string {
	if chunk.GetAttempt() > 1 {
		return fmt.Sprintf("%s (attempt %d)", chunk.GetTaskPath(), chunk.GetAttempt())
	}
	return chunk.GetTaskPath()
}

// severalTasks reports whether more than one task has the name, as the
// iterations of a loop do.
func severalTasks(ctx context.Context, c *client.Client, runID, task string) (bool, error) {
	listed, err := c.Runs.ListTasks(ctx, &pipelinev1.ListTasksRequest{RunId: runID})
	if err != nil {
		return false, err
	}
	named := 0
	for _, t := range listed.GetTasks() {
		if tree.Leaf(t) && t.GetName() == task {
			named++
		}
	}
	return named > 1, nil
}

func (s *Session) workloadLogs(ctx context.Context, c *client.Client, w *gpuagentv1.Workload, o *logOptions) error {
	stream, err := c.Workloads.Logs(ctx, &gpuagentv1.LogsRequest{
		Namespace: w.GetMetadata().GetNamespace(), Name: w.GetMetadata().GetName(),
		Follow: o.follow, TailLines: o.tail, Container: o.container,
	})
	if err != nil {
		return err
	}
	return copyLogs(s, stream, logs.NewPrinter(s.Term, replicas(w) > 1), func(chunk *gpuagentv1.LogChunk) (string, []byte) {
		return fmt.Sprintf("%s-%d", chunk.GetGroup(), chunk.GetIndex()), chunk.GetData()
	})
}

func replicas(w *gpuagentv1.Workload) int32 {
	var n int32
	for _, group := range w.GetSpec().GetGroups() {
		n += max(group.GetCount(), 1)
	}
	return n
}

// copyLogs prints a stream of log pieces to its end, and says so when it was empty:
// a cached task writes nothing.
func copyLogs[C any](s *Session, stream grpc.ServerStreamingClient[C], printer *logs.Printer, piece func(*C) (source string, data []byte)) error {
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if printer.Silent() {
				fmt.Fprintln(s.Term.Err, "nothing was written")
			}
			return printer.Close()
		}
		if err != nil {
			return errors.Join(printer.Close(), err)
		}
		source, data := piece(chunk)
		if err := printer.Print(source, data); err != nil {
			return err
		}
	}
}
