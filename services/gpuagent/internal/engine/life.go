package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Why a life is told to stop.
var (
	errStopAsked = errors.New("a stop was asked for")
	errDeleted   = errors.New("the workload was deleted")
	errDeadline  = errors.New("the deadline has passed")
	errSibling   = errors.New("another replica failed")
)

// life is one workload from its submission, or adoption, to its end.
type life struct {
	engine *Engine
	uid    string
	key    string
	spec   *gpuagentv1.WorkloadSpec

	known    chan struct{}   // closed once the workload is stored: nothing is started before that
	refused  chan struct{}   // closed instead when it could not be
	placed   chan struct{}   // closed once it is
	done     chan struct{}   // closed when run returns
	stopping context.Context // ends when the workload is to stop; its cause is one of the errors above
	stop     context.CancelCauseFunc

	writing sync.Mutex // held by the one who writes to the store

	mu       sync.Mutex
	w        *gpuagentv1.Workload // guarded by mu; what is on the board is a copy
	restarts int32                // guarded by mu; over all replicas
	pids     map[int]func() int   // guarded by mu; by replica, once it was started
	settling *time.Timer          // guarded by mu; nil unless a change waits to be told
	over     bool                 // guarded by mu; nothing is told any more but the end
	deleted  bool                 // guarded by mu; nothing is told any more at all
}

func newLife(e *Engine, w *gpuagentv1.Workload) *life {
	// Not the agent's context: when the agent ends, the workload does not stop.
	stopping, stop := context.WithCancelCause(context.Background())
	return &life{
		engine: e, uid: w.GetMetadata().GetUid(), key: state.KeyOf(w.GetMetadata()), spec: w.GetSpec(),
		known: make(chan struct{}), refused: make(chan struct{}), placed: make(chan struct{}), done: make(chan struct{}), stopping: stopping, stop: stop,
		w: proto.CloneOf(w),
	}
}

// run leads the life to its end, or until the agent ends.
func (l *life) run(ctx context.Context) {
	defer close(l.done)
	defer l.engine.forget(ctx, l)
	if !l.awaitPlace(ctx) {
		return
	}
	defer l.limit()()
	results, ok := l.runReplicas(ctx)
	switch {
	case l.awaitKnown(ctx) && ok:
		l.finish(ctx, results)
	case ok && ctx.Err() == nil: // it was refused
		l.engine.leave(l)
		l.engine.removeDir(ctx, l.uid)
	} // otherwise the agent ends and the replicas run on
}

// awaitKnown returns true once the workload is stored, and false when that was
// not to be or the agent ends.
func (l *life) awaitKnown(ctx context.Context) bool {
	select {
	case <-l.known:
		return true
	case <-l.refused:
		return false
	case <-ctx.Done():
		return false
	}
}

// refuse ends a life whose workload could not be stored.
func (l *life) refuse() {
	close(l.refused)
	l.stop(errDeleted)
}

// awaitPlace returns true once the life is placed and that is stored. Otherwise
// it has ended, or the agent has.
func (l *life) awaitPlace(ctx context.Context) bool {
	select {
	case <-l.placed:
		return true
	default:
	}
	if !l.awaitKnown(ctx) {
		if ctx.Err() == nil {
			l.engine.leave(l)
		}
		return false
	}
	select {
	case <-l.placed:
	case <-l.stopping.Done():
		l.finish(ctx, l.unplaced())
		return false
	case <-ctx.Done():
		return false
	}
	return l.storeUntilDone(ctx)
}

// unplaced is how replicas fare of which nothing was ever started.
func (l *life) unplaced() []result {
	results := make([]result, len(l.snapshot().GetStatus().GetReplicas()))
	for i := range results {
		results[i] = stopResult(context.Cause(l.stopping), l.spec)
	}
	return results
}

// limit stops the life at its deadline, which counts from its start and so
// outlives the agent. It returns what ends the limit.
func (l *life) limit() (end func()) {
	at := l.deadline()
	if at.IsZero() {
		return func() {}
	}
	timer := time.AfterFunc(time.Until(at), func() { l.stop(errDeadline) })
	return func() { timer.Stop() }
}

func (l *life) deadline() time.Time {
	if l.spec.GetDeadline() == nil {
		return time.Time{}
	}
	return l.snapshot().GetStatus().GetStartTime().AsTime().Add(l.spec.GetDeadline().AsDuration())
}

// runReplicas runs all replicas to their ends. It returns false when the agent
// ended first.
func (l *life) runReplicas(ctx context.Context) ([]result, bool) {
	replicas := l.snapshot().GetStatus().GetReplicas()
	results := make([]result, len(replicas))
	var group sync.WaitGroup
	for i := range replicas {
		group.Go(func() {
			r := newReplica(l, i)
			results[i] = r.run(ctx)
			if results[i].phase == gpuagentv1.Phase_PHASE_FAILED {
				l.stop(errSibling) // a gang that lost a member is no use
			}
		})
	}
	group.Wait()
	return results, ctx.Err() == nil
}

// tryPlace places a life that waits, if it fits by now. The engine is locked.
func (l *life) tryPlace() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.w.GetStatus().GetMessage()
	placed, err := l.engine.place(l.uid, l.w)
	if err != nil {
		l.w.Status.Message = err.Error()
	}
	if placed {
		l.w.Status.StartTime = timestamppb.Now()
		close(l.placed)
	}
	switch after := l.w.GetStatus().GetMessage(); {
	case placed:
		l.changed()
	case sameWait(before, after): // how much is free changes all the time
		l.w.Status.Message = before
	default:
		l.changed()
	}
	return placed
}

// sameWait reports whether two sentences wait for the same, "waits for memory: ...".
func sameWait(a, b string) bool {
	forA, _, _ := strings.Cut(a, ":")
	forB, _, _ := strings.Cut(b, ":")
	return forA == forB
}

// update changes the status. The change is told and stored with all others that
// come within a moment.
func (l *life) update(change func(*gpuagentv1.WorkloadStatus)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.w.GetStatus())
	l.changed()
}

// changed sees to it that the status is told in a moment. The life is locked.
func (l *life) changed() {
	if l.settling != nil || l.over || l.w.GetMetadata().GetResourceVersion() == 0 {
		return // it is told anyway: soon, at its end, or once it is stored
	}
	l.settling = time.AfterFunc(settleAfter, func() { l.engine.spawn(l.settle) })
}

// settle tells and stores the status as it is by now.
func (l *life) settle(ctx context.Context) {
	l.mu.Lock()
	l.settling = nil
	if l.over {
		l.mu.Unlock()
		return
	}
	l.w.Status.Phase = phaseOf(l.w.GetStatus())
	l.fillPIDs()
	l.publish()
	l.mu.Unlock()
	if err := l.store(ctx); err != nil && ctx.Err() == nil {
		l.engine.Log.WarnContext(ctx, "status is not stored yet", "workload", l.key, "error", err)
	}
}

// publish puts the status on the board. The life is locked, so that what was
// later is published later.
func (l *life) publish() {
	if !l.deleted {
		l.engine.board.Publish(proto.CloneOf(l.w))
	}
}

// stored takes note of the revision a new workload was stored at, and shows it.
func (l *life) stored(revision int64) *gpuagentv1.Workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.Metadata.ResourceVersion = revision
	l.publish()
	l.changed() // what has happened since it was written
	close(l.known)
	return proto.CloneOf(l.w)
}

// warn adds a sentence to the warnings, once.
func (l *life) warn(sentence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.w.GetStatus().GetWarnings(), sentence) {
		l.w.Status.Warnings = append(l.w.Status.Warnings, sentence)
	}
}

func (l *life) snapshot() *gpuagentv1.Workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	return proto.CloneOf(l.w)
}

// finish writes down how it ended. The board shows it first: it is on disk, and
// whoever waits for it need not wait for the store.
func (l *life) finish(ctx context.Context, results []result) {
	l.mu.Lock()
	l.over = true
	if l.settling != nil {
		l.settling.Stop()
	}
	conclude(l.w.GetStatus(), results, context.Cause(l.stopping))
	l.publish()
	l.mu.Unlock()
	l.engine.leave(l)
	l.engine.keepLogs(ctx, l.snapshot())
	l.engine.removeTemp(ctx, l.uid)
	l.storeUntilDone(ctx)
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
