package api

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// TaskLogs implements RunService.
func (s *runs) TaskLogs(r *pipelinev1.TaskLogsRequest, stream grpc.ServerStreamingServer[pipelinev1.TaskLogChunk]) error {
	run, err := s.find(stream.Context(), r.GetRunId())
	if err != nil {
		return err
	}
	l := &logs{request: r, namespace: run.GetState().GetNamespace(), workloads: s.Workloads}
	if r.GetFollow() && !state.Terminal(run.GetState().GetRun().GetState()) {
		return s.followLogs(stream.Context(), l, stream.Send)
	}
	selected := l.selected(run.GetTasks())
	if len(selected) == 0 && r.GetTask() != "" {
		return l.noTask()
	}
	for _, task := range selected {
		for _, a := range attemptsOf(task) {
			if err := ignoreMissing(l.copy(stream.Context(), a, false, stream.Send)); err != nil {
				return err
			}
		}
	}
	return nil
}

// send passes a piece of output on to the caller.
type send func(*pipelinev1.TaskLogChunk) error

// logs is one call for logs.
type logs struct {
	request   *pipelinev1.TaskLogsRequest
	namespace string
	workloads gpuagentv1.WorkloadServiceClient
}

// attempt is one try to run a task.
type attempt struct {
	task     *pipelinev1.Task
	number   int32 // from 1
	workload string
}

// attemptsOf lists the attempts of a task that got a workload.
func attemptsOf(task *pipelinev1.Task) []attempt {
	var attempts []attempt
	names := task.GetDetail().GetExecutorDetail().GetFailedMainJobs()
	if last := task.GetWorkload(); last != "" && (len(names) == 0 || names[len(names)-1] != last) {
		names = append(names[:len(names):len(names)], last)
	}
	for i, name := range names {
		attempts = append(attempts, attempt{task: task, number: numberOf(name, int32(i+1)), workload: name})
	}
	return attempts
}

// numberOf reads the number of an attempt from the name of its workload, which ends
// in it: attempts that got no workload are counted too.
func numberOf(workload string, otherwise int32) int32 {
	number, err := strconv.ParseInt(workload[strings.LastIndexByte(workload, '-')+1:], 10, 32)
	if err != nil || number < 1 {
		return otherwise
	}
	return int32(number)
}

// selected returns the tasks that the request names by id, path or name.
func (l *logs) selected(tasks []*pipelinev1.Task) []*pipelinev1.Task {
	wanted := l.request.GetTask()
	return slices.DeleteFunc(slices.Clone(tasks), func(task *pipelinev1.Task) bool {
		return wanted != "" && wanted != task.GetName() && !l.isOne(task)
	})
}

// isOne reports whether the request names the task so that no other can be meant.
func (l *logs) isOne(task *pipelinev1.Task) bool {
	return l.request.GetTask() == task.GetDetail().GetTaskId() || l.request.GetTask() == task.GetPath()
}

func (l *logs) noTask() error {
	return fault.NotFoundf("run %q has no task %q", l.request.GetRunId(), l.request.GetTask())
}

// copy sends what one attempt wrote; fault.NotFound when its workload is unknown.
func (l *logs) copy(ctx context.Context, a attempt, follow bool, pass send) error {
	stream, err := l.workloads.Logs(ctx, &gpuagentv1.LogsRequest{
		Namespace: l.namespace, Name: a.workload, Follow: follow, TailLines: l.request.GetTailLines(),
	})
	if err != nil {
		return err
	}
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = pass(&pipelinev1.TaskLogChunk{
			TaskId:   a.task.GetDetail().GetTaskId(),
			TaskPath: a.task.GetPath(),
			Attempt:  a.number,
			Data:     chunk.GetData(),
		})
		if err != nil {
			return err
		}
	}
}
