package api

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// runs implements RunService.
type runs struct {
	pipelinev1.UnimplementedRunServiceServer
	Deps
	experiments *experiments
	admission   *admission
}

// GetRun implements RunService.
func (s *runs) GetRun(ctx context.Context, r *pipelinev1.GetRunRequest) (*pipelinev1.Run, error) {
	run, err := s.find(ctx, r.GetRunId())
	if err != nil {
		return nil, err
	}
	return s.detailed(ctx, run)
}

// find reads a run with its tasks in order, live or finished.
func (d Deps) find(ctx context.Context, id string) (*pipelinev1.ArchivedRun, error) {
	run, err := d.liveRun(ctx, id)
	if run == nil && err == nil {
		run, err = d.finishedRun(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(run.Tasks, byCreation)
	return run, nil
}

// liveRun reads a run that is not in the archive, nil when there is none. Tasks
// are read before the run: while the run is there and has not ended, none of
// them has gone. Those that a retry has yet to bring back are still in the archive.
func (d Deps) liveRun(ctx context.Context, id string) (*pipelinev1.ArchivedRun, error) {
	tasks, err := values(ctx, d.State.Tasks, state.TaskKey(id, ""))
	if err != nil {
		return nil, err
	}
	item, err := d.State.Runs.Get(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case item.Value.GetDeleteRequested():
		return nil, noRun(id)
	}
	if state.Terminal(item.Value.GetRun().GetState()) { // being archived, or about to be
		if archived, err := d.isArchived(ctx, item.Value); archived || err != nil {
			return nil, err
		}
	}
	if item.Value.GetRestoring() {
		tasks, err = d.restoredTasks(ctx, id)
	}
	return &pipelinev1.ArchivedRun{State: item.Value, Tasks: tasks}, err
}

// isArchived reports whether the archive has a stored run as it is.
func (d Deps) isArchived(ctx context.Context, run *pipelinev1.RunState) (bool, error) {
	archived, err := d.finishedRun(ctx, run.GetRun().GetRunId())
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil && archived.GetState().GetRetries() >= run.GetRetries(), err
}

// restoredTasks reads the tasks of a run that a retry brings back. The archive is
// read first: what is no longer there is stored.
func (d Deps) restoredTasks(ctx context.Context, id string) ([]*pipelinev1.Task, error) {
	archived, err := d.finishedRun(ctx, id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	tasks, err := values(ctx, d.State.Tasks, state.TaskKey(id, ""))
	if err != nil {
		return nil, err
	}
	stored := make(map[string]bool, len(tasks))
	for _, t := range tasks {
		stored[t.GetDetail().GetTaskId()] = true
	}
	for _, t := range archived.GetTasks() {
		if !stored[t.GetDetail().GetTaskId()] {
			tasks = append(tasks, t)
		}
	}
	return tasks, nil
}

// byCreation orders tasks as they came to be. Those of a DAG come to be at once:
// they are in the order in which they started, those that have not started last,
// and else by path, which has parents before children.
func byCreation(a, b *pipelinev1.Task) int {
	return cmp.Or(
		a.GetDetail().GetCreateTime().AsTime().Compare(b.GetDetail().GetCreateTime().AsTime()),
		byStart(a, b),
		strings.Compare(a.GetPath(), b.GetPath()),
	)
}

func byStart(a, b *pipelinev1.Task) int {
	first, second := a.GetDetail().GetStartTime(), b.GetDetail().GetStartTime()
	switch {
	case first == nil && second == nil:
		return 0
	case first == nil:
		return 1
	case second == nil:
		return -1
	}
	return first.AsTime().Compare(second.AsTime())
}

// detailed is a run as a get shows it: with its spec, unless it names a version,
// and with its tasks.
func (d Deps) detailed(ctx context.Context, run *pipelinev1.ArchivedRun) (*pipelinev1.Run, error) {
	own, err := d.given(ctx, run.GetState())
	if err != nil {
		return nil, err
	}
	return shown(run, own), nil
}

// GetRunSpec implements RunService. It works for every run, also when the version
// it was made from was deleted.
func (s *runs) GetRunSpec(ctx context.Context, r *pipelinev1.GetRunSpecRequest) (*structpb.Struct, error) {
	run, err := s.find(ctx, r.GetRunId())
	if err != nil {
		return nil, err
	}
	return s.loadSpec(ctx, run.GetState().GetSpecDigest())
}

// shown is a run with its tasks and what it was given.
func shown(run *pipelinev1.ArchivedRun, own *given) *pipelinev1.Run {
	shown := listed(run.GetState())
	if own.spec != nil {
		shown.PipelineSource = &pipelinev1.Run_PipelineSpec{PipelineSpec: own.spec}
	}
	if own.parameters != nil {
		shown.RuntimeConfig.Parameters = own.parameters
	}
	if len(run.GetTasks()) > 0 {
		shown.RunDetails = &pipelinev1.RunDetails{TaskDetails: taskDetails(run.GetTasks())}
	}
	return shown
}

// listed is a run as a list shows it. KFP clients expect a time of finishing in
// any case: it is that of the epoch while the run has not finished.
func listed(run *pipelinev1.RunState) *pipelinev1.Run {
	shown := proto.CloneOf(run.GetRun())
	if shown.GetFinishedAt() == nil {
		shown.FinishedAt = &timestamppb.Timestamp{}
	}
	return shown
}

// taskDetails is tasks as the KFP API shows them, each with its children.
func taskDetails(tasks []*pipelinev1.Task) []*pipelinev1.PipelineTaskDetail {
	details := make([]*pipelinev1.PipelineTaskDetail, len(tasks))
	byID := make(map[string]*pipelinev1.PipelineTaskDetail, len(tasks))
	for i, task := range tasks {
		details[i] = proto.CloneOf(task.GetDetail())
		details[i].ChildTasks = nil
		if from := task.GetCachedFromRunId(); from != "" {
			details[i].ExecutorDetail = &pipelinev1.PipelineTaskExecutorDetail{PreCachingCheckJob: from}
		}
		byID[details[i].GetTaskId()] = details[i]
	}
	for _, detail := range details {
		parent := byID[detail.GetParentTaskId()]
		if parent == nil {
			continue
		}
		parent.ChildTasks = append(parent.ChildTasks, &pipelinev1.PipelineTaskDetail_ChildTask{
			ChildTask: &pipelinev1.PipelineTaskDetail_ChildTask_TaskId{TaskId: detail.GetTaskId()},
		})
	}
	return details
}

// ListTasks implements RunService.
func (s *runs) ListTasks(ctx context.Context, r *pipelinev1.ListTasksRequest) (*pipelinev1.ListTasksResponse, error) {
	run, err := s.find(ctx, r.GetRunId())
	if err != nil {
		return nil, err
	}
	if r.GetWholeValues() {
		if err := s.fillIn(ctx, r.GetRunId(), run.GetTasks()); err != nil {
			return nil, err
		}
	}
	return &pipelinev1.ListTasksResponse{Tasks: run.GetTasks()}, nil
}
