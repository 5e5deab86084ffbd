package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// runView is a live run with its tasks, kept up to date from the store's
// changes, so that a change costs what it is and not what the run has come to.
type runView struct {
	run         *pipelinev1.RunState        // nil when it is not live
	tasks       map[string]*pipelinev1.Task // by key
	runChanges  <-chan []store.Change
	taskChanges <-chan []store.Change
}

// watchRun reads a run and watches it from there on.
func (d Deps) watchRun(ctx context.Context, id string) (*runView, error) {
	tasks, taskRevision, err := d.State.Tasks.List(ctx, state.TaskKey(id, ""))
	if err != nil {
		return nil, err
	}
	runs, runRevision, err := d.State.Runs.List(ctx, id)
	if err != nil {
		return nil, err
	}
	v := &runView{tasks: make(map[string]*pipelinev1.Task, len(tasks))}
	if len(runs) == 1 && runs[0].Key == id {
		v.run = runs[0].Value
	}
	if v.over() {
		return v, nil
	}
	for _, task := range tasks {
		v.tasks[d.State.Tasks.Prefix()+task.Key] = task.Value
	}
	if v.run.GetRestoring() {
		if err := d.addRestored(ctx, v, id); err != nil {
			return nil, err
		}
	}
	if v.runChanges, err = d.State.Backend.Watch(ctx, d.State.Runs.Prefix()+id, runRevision); err != nil {
		return nil, err
	}
	v.taskChanges, err = d.State.Backend.Watch(ctx, d.State.Tasks.Prefix()+state.TaskKey(id, ""), taskRevision)
	return v, err
}

// addRestored adds the tasks that a retry has yet to bring back.
func (d Deps) addRestored(ctx context.Context, v *runView, id string) error {
	tasks, err := d.restoredTasks(ctx, id)
	for _, task := range tasks {
		key := d.State.Tasks.Prefix() + state.TaskKey(id, task.GetDetail().GetTaskId())
		if v.tasks[key] == nil {
			v.tasks[key] = task
		}
	}
	return err
}

// over reports whether the run has ended, or is gone, or is to go: then what
// there is of it is no longer, or not only, what the view watches.
func (v *runView) over() bool {
	return v.run == nil || v.run.GetDeleteRequested() || state.Terminal(v.run.GetRun().GetState())
}

// snapshot is the run as the view knows it, tasks in order.
func (v *runView) snapshot() *pipelinev1.ArchivedRun {
	return &pipelinev1.ArchivedRun{State: v.run, Tasks: slices.SortedFunc(maps.Values(v.tasks), byCreation)}
}

// next takes in changes: it waits for one, and takes in the others that come
// until a time, or until the run is over. It returns false when a watch has
// ended and must be begun anew.
func (v *runView) next(ctx context.Context, until time.Time) (open bool, err error) {
	var rested <-chan time.Time
	for {
		var changes []store.Change
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-rested:
			return true, nil
		case changes, open = <-v.runChanges:
			err = v.takeRun(changes)
		case changes, open = <-v.taskChanges:
			err = v.takeTasks(changes)
		}
		if err != nil {
			return false, err
		}
		if !open {
			return false, ctx.Err()
		}
		if v.over() {
			return true, nil
		}
		if rested == nil {
			rested = time.After(time.Until(until))
		}
	}
}

func (v *runView) takeRun(changes []store.Change) error {
	for _, c := range changes {
		if c.Deleted {
			v.run = nil
			continue
		}
		v.run = new(pipelinev1.RunState)
		if err := decode(c, v.run); err != nil {
			return err
		}
	}
	return nil
}

// takeTasks takes in changes of tasks. They are deleted only after their run,
// whose deletion is what counts.
func (v *runView) takeTasks(changes []store.Change) error {
	for _, c := range changes {
		if c.Deleted {
			continue
		}
		task := new(pipelinev1.Task)
		if err := decode(c, task); err != nil {
			return err
		}
		v.tasks[c.Key] = task
	}
	return nil
}

func decode(c store.Change, into proto.Message) error {
	if err := proto.Unmarshal(c.Value, into); err != nil {
		return fault.Internalf(err, "stored value %s cannot be read", c.Key)
	}
	return nil
}
