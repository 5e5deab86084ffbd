package engine

import (
	"context"
	"errors"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// retire moves a run that has ended from the store to the archive, or out of
// the world when it is to be deleted. The run's key goes only as it was
// archived, so that no later change of it is lost. When that change is a retry,
// errRetried is returned, and nothing of the run has gone.
func (r *runner) retire(ctx context.Context) error {
	tasks, err := r.storedTasks(ctx)
	if err != nil {
		return err
	}
	if len(r.handed) > 0 || slices.ContainsFunc(tasks, handlesLarge) {
		r.engine.discard(ctx, state.HandoverOf(r.item.Key))
	}
	for {
		item, err := r.storedRun(ctx)
		if fault.Is(err, fault.NotFound) {
			break
		}
		if err != nil {
			return err
		}
		r.item = item
		if !state.Terminal(item.Value.GetRun().GetState()) {
			return errRetried
		}
		if err := r.archive(ctx, item.Value, tasks); err != nil {
			return err
		}
		err = r.drop(ctx, item, tasks)
		if err == nil {
			break
		}
		if !fault.Is(err, fault.Conflict) || ctx.Err() != nil {
			return err
		}
		if now, getErr := r.storedRun(ctx); getErr == nil && now.Revision == item.Revision {
			return err // the guard does not hold
		}
	}
	return nil
}

// handlesLarge reports whether a task made or read values that are kept apart.
func handlesLarge(task *pipelinev1.Task) bool {
	return len(task.GetLargeInputs())+len(task.GetLargeOutputs()) > 0
}

func (r *runner) storedTasks(ctx context.Context) (tasks []*pipelinev1.Task, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		items, _, err := r.engine.deps.State.Tasks.List(ctx, r.item.Key+"/")
		tasks = nil
		for _, item := range items {
			tasks = append(tasks, item.Value)
		}
		return err
	})
	return tasks, err
}

func (r *runner) storedRun(ctx context.Context) (item store.Item[*pipelinev1.RunState], err error) {
	err = persist(ctx, func(ctx context.Context) error {
		item, err = r.engine.deps.State.Runs.Get(ctx, r.item.Key)
		return err
	})
	return item, err
}

// archive puts the run's record in the archive, or takes it out again when the
// run is to be deleted.
func (r *runner) archive(ctx context.Context, run *pipelinev1.RunState, tasks []*pipelinev1.Task) error {
	if run.GetDeleteRequested() {
		if err := r.deleteRecord(ctx); err != nil {
			return err
		}
		if run.GetDeleteArtifacts() {
			r.engine.discard(ctx, state.ValuesOf(r.item.Key))
		}
		return persist(ctx, func(ctx context.Context) error {
			return r.engine.deps.Bucket.Delete(ctx, state.ParametersBlob(r.item.Key))
		})
	}
	err := r.putRecord(ctx, run, closed(run.GetRun(), tasks))
	if err == nil || !final(ctx, err) {
		return err
	}
	r.log.WarnContext(ctx, "the run is archived without the inputs of its tasks and the ends of their logs", "error", err)
	for i := range tasks {
		tasks[i] = proto.CloneOf(tasks[i])
		tasks[i].LogTail = ""
		cutInputs(tasks[i])
	}
	return r.putRecord(ctx, run, tasks)
}

func (r *runner) putRecord(ctx context.Context, run *pipelinev1.RunState, tasks []*pipelinev1.Task) error {
	record, err := state.Record(run, tasks)
	if err != nil {
		return err
	}
	return persist(ctx, func(ctx context.Context) error {
		_, err := r.engine.deps.Archive.PutRecord(ctx, &metadatav1.PutRecordRequest{Record: record})
		return err
	})
}

// drop deletes the keys of the run: its own in the first commit, for a run whose
// tasks are gone in part must not be archived again, and with it its artifacts are
// condemned if they are to go. Tasks that a crash leaves behind are swept up.
func (r *runner) drop(ctx context.Context, item store.Item[*pipelinev1.RunState], tasks []*pipelinev1.Task) error {
	s := r.engine.deps.State
	ops := make([]store.Op, 0, len(tasks)+1)
	ops = append(ops, s.Runs.DeleteOp(item.Key, item.Revision))
	if item.Value.GetDeleteArtifacts() {
		place := launch.Place(item.Value.GetPipelineName(), item.Key)
		ops = append(ops, s.Condemned.UpdateOp(item.Key, &pipelinev1.CondemnedRun{Place: place}, store.AnyRevision))
	}
	for _, t := range tasks {
		ops = append(ops, s.Tasks.DeleteOp(state.TaskKey(item.Key, t.GetDetail().GetTaskId()), store.AnyRevision))
	}
	if err := commitAll(ctx, s.Backend, r.guard, ops); err != nil {
		return err
	}
	if item.Value.GetDeleteArtifacts() {
		r.engine.deps.Condemned()
	}
	return nil
}

// commitAll commits any number of operations, the guard with each batch of them.
func commitAll(ctx context.Context, backend store.Backend, guard, ops []store.Op) error {
	for batch := range batches(ops, maxOps-len(guard)) {
		err := persist(ctx, func(ctx context.Context) error {
			_, err := backend.Commit(ctx, append(slices.Clone(guard), batch...)...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// batches parts operations into what one commit takes: at most count of them, and
// not too many bytes.
func batches(ops []store.Op, count int) iter.Seq[[]store.Op] {
	return func(yield func([]store.Op) bool) {
		for len(ops) > 0 {
			n, size := 0, 0
			for n < min(count, len(ops)) && (n == 0 || size+len(ops[n].Value) <= maxBatchBytes) {
				size += len(ops[n].Value)
				n++
			}
			if !yield(ops[:n]) {
				return
			}
			ops = ops[n:]
		}
	}
}

// sweepTasks deletes the tasks of runs that are gone. A run may come back by a
// retry at any time, and then keeps them.
func (e *Engine) sweepTasks(ctx context.Context, guard []store.Op) {
	s := e.deps.State
	tasks, _, err := s.Tasks.List(ctx, "")
	orphans := map[string][]store.Op{} // by run; nil for a run that lives
	for _, t := range tasks {
		run := t.Value.GetDetail().GetRunId()
		ops, known := orphans[run]
		if !known {
			if _, getErr := s.Runs.Get(ctx, run); fault.Is(getErr, fault.NotFound) {
				ops = []store.Op{}
			}
		}
		if ops != nil {
			ops = append(ops, s.Tasks.DeleteOp(t.Key, store.AnyRevision))
		}
		orphans[run] = ops
	}
	for run, ops := range orphans {
		gone := store.Op{Key: s.Runs.Prefix() + run, Check: true}
		goneErr := commitAll(ctx, s.Backend, append(slices.Clone(guard), gone), ops)
		if !fault.Is(goneErr, fault.AlreadyExists) {
			err = errors.Join(err, goneErr)
		}
	}
	if err != nil && ctx.Err() == nil {
		e.deps.Log.WarnContext(ctx, "tasks of runs that are gone could not be deleted", "error", err)
	}
}
