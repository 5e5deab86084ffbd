package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
)

// archiveAgainAfter is the pause after which the archive is tried again that did not answer.
// There is no hurry: jobs stay as they are.
const archiveAgainAfter = 30 * time.Second

// putAway moves a job to the archive that has ended long enough ago. It returns when the job is
// to be looked at again: at the time given, or before.
func (e *Engine) putAway(ctx context.Context, job *item, w *gpuagentv1.Workload, wake time.Time) time.Time {
	at, some := lifecycle.ArchivedAt(job.Value, w, e.deps.ArchiveAfter)
	if !some {
		return wake
	}
	if now := time.Now(); !now.Before(at) {
		err := e.shelve(ctx, job)
		if err == nil || ctx.Err() != nil {
			return wake
		}
		if !fault.Is(err, fault.Conflict) { // otherwise it has changed, which is told
			e.deps.Log.WarnContext(ctx, "a job cannot be archived yet", "job", job.Key, "error", err)
		}
		at = now.Add(archiveAgainAfter)
	}
	if wake.IsZero() || at.Before(wake) {
		return at
	}
	return wake
}

// shelve archives a job as it is, with what ran of it if that is to stay, and then leaves a stub of it in the store.
func (e *Engine) shelve(ctx context.Context, job *item) error {
	value := proto.CloneOf(job.Value)
	value.Metadata.ResourceVersion = job.Revision
	var ran []*gpuagentv1.Workload
	if value.GetSpec().GetRunPolicy().GetCleanPodPolicy() != trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_ALL {
		ran = e.board.last(value.GetMetadata().GetUid())
	}
	if err := e.deps.Archive.Put(ctx, value, ran); err != nil {
		return err
	}
	stub := archive.Stub(value)
	revision, err := e.deps.State.Backend.Commit(ctx, append(slices.Clip(e.lead.Guard), e.deps.State.Jobs.UpdateOp(job.Key, stub, job.Revision))...)
	if err == nil {
		job.Value, job.Revision = stub, revision
	}
	return err
}

// shelved sees to a job in the archive that does not rest: its workloads go, though not what they
// have kept, and after its time to live it does itself.
func (e *Engine) shelved(ctx context.Context, job *item) (wake time.Time, err error) {
	var errs []error
	for _, w := range e.board.of(job.Value.GetMetadata().GetUid()) {
		errs = append(errs, e.delete(ctx, w, true))
	}
	if err := errors.Join(errs...); err != nil {
		return time.Time{}, err
	}
	at, expires := lifecycle.ExpiresAt(job.Value)
	if expires && !time.Now().Before(at) {
		return time.Time{}, e.remove(ctx, *job)
	}
	return at, nil
}

// remove deletes a job.
func (e *Engine) remove(ctx context.Context, job item) error {
	_, err := e.deps.State.Backend.Commit(ctx, append(slices.Clip(e.lead.Guard), e.deps.State.Removal(job)...)...)
	return err
}

// clear removes what is left elsewhere of a job that was deleted after its end, or with volumes.
func (e *Engine) clear(ctx context.Context, uid string) (wake time.Time, err error) {
	condemned, err := e.deps.State.Condemned.Get(ctx, uid)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	if err := e.unclaim(ctx, condemned.Value); err != nil {
		return time.Time{}, err
	}
	if err := e.deps.Archive.Delete(ctx, uid); err != nil {
		e.deps.Log.WarnContext(ctx, "the record of a deleted job is not removed yet", "uid", uid, "error", err)
		return time.Now().Add(archiveAgainAfter), nil
	}
	_, err = e.deps.Workloads.DeleteKept(ctx, &gpuagentv1.DeleteKeptRequest{Namespace: condemned.Value.GetNamespace(), Keep: launch.KeepName(uid)})
	if err != nil {
		return time.Time{}, err
	}
	err = e.deps.State.Condemned.Delete(ctx, uid, condemned.Revision)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Conflict) { // another leader was quicker
		return time.Time{}, nil
	}
	return time.Time{}, err
}

// recall has deleted jobs be seen to until ctx ends: those that an earlier leader left, and those
// that go from now on.
func (e *Engine) recall(ctx context.Context) {
	condemned := store.NewCache(e.deps.State.Condemned, nil, func(updates []store.Update[*trainingv1.CondemnedJob]) {
		for _, u := range updates {
			if !u.Deleted {
				e.queue.put(u.Item.Key)
			}
		}
	})
	if err := condemned.Run(ctx); ctx.Err() == nil {
		e.deps.Log.WarnContext(ctx, "deleted jobs are not removed everywhere until another leads", "error", err)
	}
}
