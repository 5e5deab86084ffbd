package engine

import (
	"context"
	"errors"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// errRetried ends a runner whose run was retried while it was being put away.
var errRetried = errors.New("the run was retried")

// errOutrun says that a retry came too late: the run it is of was deleted, or was
// retried by another and has ended again.
var errOutrun = errors.New("the run that was to be retried is no longer in the archive")

// reclaim makes a run that was retried live in full. The retry wrote the run's
// key alone; its tasks come back from the archive first, then the key says so,
// and only then the record goes. Each step may be repeated.
func (r *runner) reclaim(ctx context.Context) error {
	if r.item.Value.GetRestoring() {
		archived, err := r.archivedTasks(ctx)
		if err != nil {
			return err
		}
		if err := r.putBack(ctx, archived); err != nil {
			return err
		}
		if err := r.restored(ctx); err != nil {
			return err
		}
		r.engine.deps.Meter.RunRetried(ctx)
	}
	return r.deleteRecord(ctx)
}

// archivedTasks reads the tasks of the run as it was before the retry.
func (r *runner) archivedTasks(ctx context.Context) ([]*pipelinev1.Task, error) {
	var record *metadatav1.Record
	err := persist(ctx, func(ctx context.Context) (err error) {
		record, err = r.engine.deps.Archive.GetRecord(ctx, &metadatav1.GetRecordRequest{Kind: state.RunKind, Uid: r.item.Key})
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, errOutrun
	}
	if err != nil {
		return nil, err
	}
	archived, err := state.Detail(record)
	if err != nil {
		return nil, err
	}
	if archived.GetState().GetRetries() >= r.item.Value.GetRetries() {
		return nil, errOutrun
	}
	return archived.GetTasks(), nil
}

// putBack stores tasks unless they are there. What is there was put back before a
// crash, or was not yet deleted when the retry came: it is the same.
func (r *runner) putBack(ctx context.Context, archived []*pipelinev1.Task) error {
	stored, err := r.storedTasks(ctx)
	if err != nil {
		return err
	}
	known := byID(stored)
	s := r.engine.deps.State
	var ops []store.Op
	for _, t := range archived {
		if id := t.GetDetail().GetTaskId(); known[id] == nil {
			ops = append(ops, s.Tasks.UpdateOp(state.TaskKey(r.item.Key, id), fit(t), store.AnyRevision))
		}
	}
	return commitAll(ctx, s.Backend, r.guard, ops)
}

// restored notes that the tasks are back.
func (r *runner) restored(ctx context.Context) error {
	runs := r.engine.deps.State.Runs
	for {
		item, err := r.storedRun(ctx)
		if err != nil {
			return err
		}
		item.Value.Restoring = false
		before := item.Revision
		err = persist(ctx, func(ctx context.Context) (err error) {
			item.Revision, err = r.engine.deps.State.Backend.Commit(ctx,
				append(r.guard[:len(r.guard):len(r.guard)], runs.UpdateOp(item.Key, item.Value, before))...)
			return err
		})
		if err == nil {
			r.item = item
			return nil
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		if now, getErr := r.storedRun(ctx); getErr == nil && now.Revision == before {
			return err // the guard does not hold
		}
	}
}

// discard takes a run that a late retry has made out of the store again.
func (r *runner) discard(ctx context.Context) error {
	tasks, err := r.storedTasks(ctx)
	if err != nil {
		return err
	}
	return r.drop(ctx, r.item, tasks)
}

// deleteRecord takes the run out of the archive.
func (r *runner) deleteRecord(ctx context.Context) error {
	err := persist(ctx, func(ctx context.Context) error {
		_, err := r.engine.deps.Archive.DeleteRecord(ctx, &metadatav1.DeleteRecordRequest{Kind: state.RunKind, Uid: r.item.Key})
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
