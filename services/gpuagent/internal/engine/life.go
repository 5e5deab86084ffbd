package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Why a life is told to stop.
var (
	errStopAsked = errors.New("a stop was asked for")
	errDeleted   = errors.New("the workload was deleted")
	errDeadline  = errors.New("the deadline has passed")
	errSibling   = errors.New("another replica failed")
	errNodeLost  = errors.New("a node was lost")
	errPorts     = errors.New("no TCP port of the node is free")
	errRestarts  = errors.New("its replicas were started again more often than it allows")
	errLeaving   = errors.New("the workload is to have fewer replicas")
)

// preemption is why a life is told to stop that makes room for another.
type preemption struct{ because string }

func (p *preemption) Error() string { return p.because }

// life is one workload from its submission, or adoption, to its end.
type life struct {
	engine *Engine
	uid    string // of the workload
	run    string // names its epoch
	key    string
	spec   *gpuagentv1.WorkloadSpec // as it was when the life began: of w's, counts may be others

	known    chan struct{}   // closed once the workload is stored: nothing is started before that
	refused  chan struct{}   // closed instead when it could not be
	placed   chan struct{}   // closed once it is
	news     chan struct{}   // holds a token when replicas have ended, joined or reported, or a node was lost
	done     chan struct{}   // closed when run returns
	stopping context.Context // ends when the workload is to stop; its cause is one of the errors above
	stop     context.CancelCauseFunc
	begun    time.Time // when this agent was told of it

	kept    checkpoints
	leading atomic.Int32 // replicas of this node that have begun and whose end is not known yet

	writing sync.Mutex // held by the one who writes to the store

	mu       sync.Mutex
	w        *gpuagentv1.Workload // guarded by mu; what is on the board is a copy
	restarts int32                // guarded by mu; over all replicas
	pids     map[int]func() int   // guarded by mu; by replica, once it was started
	settling *time.Timer          // guarded by mu; nil unless a change waits to be told
	lost     map[string]bool      // guarded by mu; nodes that were lost since it was placed
	closed   bool                 // guarded by mu; no replica joins any more
	over     bool                 // guarded by mu; nothing is told any more but the end
	deleted  bool                 // guarded by mu; nothing is told any more at all
}

func newLife(e *Engine, w *gpuagentv1.Workload) *life {
	// Not the agent's context: when the agent ends, the workload does not stop.
	stopping, stop := context.WithCancelCause(context.Background())
	l := &life{
		engine: e, uid: w.GetMetadata().GetUid(), run: state.RunOf(w), key: state.KeyOf(w.GetMetadata()), spec: w.GetSpec(),
		known: make(chan struct{}), refused: make(chan struct{}), placed: make(chan struct{}), news: make(chan struct{}, 1),
		done: make(chan struct{}), stopping: stopping, stop: stop, begun: time.Now(),
		w: w, lost: map[string]bool{},
	}
	l.w = l.copy()
	return l
}

// lead takes the life to its end, or until the agent ends.
func (l *life) lead(ctx context.Context) {
	defer close(l.done)
	defer l.engine.forget(ctx, l)
	if !l.awaitPlace(ctx) {
		return
	}
	defer l.limit()()
	storing := l.keepStoring(ctx)
	results, ok := l.runReplicas(ctx)
	storing()
	if ok && !l.engine.Joined {
		l.storeCheckpoints(ctx, l.snapshot(), true)
	}
	switch {
	case l.awaitKnown(ctx) && ok && l.disrupted(results):
		l.moveOn(ctx, results)
	case l.awaitKnown(ctx) && ok:
		l.finish(ctx, results)
	case ok && ctx.Err() == nil: // it was refused
		l.engine.leave(l)
		l.engine.removePlaces(ctx, l.engine.placesOf(l.snapshot()))
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
	return l.allAs(stopResult(context.Cause(l.stopping), l.spec))
}

// limit stops the life at its deadline, which counts from its start and so
// outlives the agent. It returns what ends the limit.
//
// Where the head's clock says when that was, it is for the head to say when its time is up:
// a node that has joined counts from when it was told, for when the head cannot be heard.
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
	if l.engine.Joined {
		return l.begun.Add(l.spec.GetDeadline().AsDuration())
	}
	return l.snapshot().GetStatus().GetStartTime().AsTime().Add(l.spec.GetDeadline().AsDuration())
}

// runReplicas runs all replicas to their ends; those of a node that has joined are
// left to the head. It returns false when the agent ended first.
func (l *life) runReplicas(ctx context.Context) ([]result, bool) {
	if abroad := l.engine.abroad(l.snapshot()); len(abroad) > 0 {
		if failed := l.meet(ctx, abroad); failed != nil {
			return l.allAs(*failed), ctx.Err() == nil
		}
	}
	return newCrew(l).run(ctx)
}

// mind stops the others when a replica has failed that they cannot do without: a gang that
// lost a member is no use. If it failed by itself they have a moment to end by themselves, well
// if they are done, too: frameworks often break off connections to those who still use them when
// all work is done, and whether the workload's owner minds that is for the owner to say.
func (l *life) mind(position int, r result) {
	if r.phase != gpuagentv1.Phase_PHASE_FAILED || group(l.snapshot(), position).GetIndependent() {
		return
	}
	if r.reason != reasonExit {
		l.stopOthers()
		return
	}
	time.AfterFunc(lastMoment, l.stopOthers)
}

// stopOthers stops what still runs, unless the workload has done its work: then it runs on until
// the owner stops it.
func (l *life) stopOthers() {
	if !hasSucceeded(l.snapshot()) {
		l.stop(errSibling)
	}
}

// allAs is the same end for all replicas.
func (l *life) allAs(r result) []result {
	results := make([]result, len(l.snapshot().GetStatus().GetReplicas()))
	for i := range results {
		results[i] = r
	}
	return results
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
	ended := l.snapshot()
	l.engine.keepLogs(ctx, ended)
	l.engine.removeTemp(ctx, l.engine.placesOf(ended))
	if mounts(l.spec) {
		l.engine.removeVolumes(ctx, l.engine.placesOf(ended))
	}
	l.storeUntilDone(ctx)
}
