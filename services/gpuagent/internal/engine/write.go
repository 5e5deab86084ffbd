package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// awaitStored waits, when the life is over, until its end is stored: that is what
// the event of its end is made from.
func (l *life) awaitStored(ctx context.Context) error {
	l.mu.Lock()
	over := l.over
	l.mu.Unlock()
	if !over {
		return nil
	}
	select {
	case <-l.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// storeUntilDone writes the status however long the store cannot be reached; it
// returns false when the agent ended before that.
func (l *life) storeUntilDone(ctx context.Context) bool {
	for {
		err := l.store(ctx)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		l.engine.Log.WarnContext(ctx, "status of workload is not stored yet", "workload", l.key, "error", err)
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return false
		}
	}
}

// store writes the status as it is. A workload that is no longer there, or is
// another's by now, is not an error: its life is over.
func (l *life) store(ctx context.Context) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.engine.Joined {
		return l.report(ctx)
	}
	for {
		w := l.snapshot()
		w.Metadata.UpdateTime = timestamppb.Now()
		revision, err := l.engine.State.Workloads.Update(ctx, l.key, w, w.GetMetadata().GetResourceVersion())
		if err == nil {
			l.mu.Lock()
			l.w.Metadata.ResourceVersion = revision
			l.mu.Unlock()
			l.engine.board.Stored(w, revision)
			return nil
		}
		if fault.Is(err, fault.Exhausted) && l.shrink() {
			continue
		}
		if !fault.Is(err, fault.Conflict) {
			return err
		}
		current, err := l.engine.State.Workloads.Get(ctx, l.key)
		if fault.Is(err, fault.NotFound) || err == nil && !l.owns(current.Value) {
			l.drop()
			return nil
		}
		if err != nil {
			return err
		}
		l.mu.Lock()
		l.w.Metadata.ResourceVersion = current.Revision
		l.mu.Unlock()
	}
}

// drop ends a life whose workload was deleted, or is another's.
func (l *life) drop() {
	l.mu.Lock()
	l.deleted = true
	l.engine.board.Remove(l.w)
	l.mu.Unlock()
	l.stop(errDeleted)
}

// shrink drops what a status can do without, so that it can be stored at all. It
// returns false when there was nothing to drop.
func (l *life) shrink() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	shrunk := false
	for _, r := range l.w.GetStatus().GetReplicas() {
		shrunk = shrunk || r.GetLogTail() != ""
		r.LogTail = ""
		for _, f := range r.GetFiles() {
			shrunk = shrunk || len(f.GetContent()) > 0
			f.TooLarge, f.Content = f.GetTooLarge() || len(f.GetContent()) > 0, nil
		}
	}
	return shrunk
}

// room is how many bytes each replica may put into the status at its end.
func (l *life) room() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := store.MaxValueBytes - statusReserve - proto.Size(l.w)
	return int64(max(0, left) / len(l.w.GetStatus().GetReplicas()))
}

// owns reports whether a stored workload is still this life's to write: the same
// workload, at no later epoch.
func (l *life) owns(stored *gpuagentv1.Workload) bool {
	return stored.GetMetadata().GetUid() == l.uid && stored.GetStatus().GetEpoch() <= l.snapshot().GetStatus().GetEpoch()
}
