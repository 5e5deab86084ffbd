package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// What follows is the side of a node that has joined. It runs what it is ordered to,
// and reports. What it runs it holds under its lease: the supervisors kill it before the
// lease ends, or the tethers of containers do, whatever becomes of the agent (packages
// supervise and tether), because the head then starts it elsewhere. See tenure.go.

// observeOrders hears of every order to this node.
func (e *Engine) observeOrders(updates []store.Update[*gpuagentv1.Order]) {
	for _, u := range updates {
		if u.Deleted {
			e.dismiss(u.Item.Key, u.Item.Value)
			continue
		}
		e.heed(u.Item.Value)
	}
}

// heed does what an order says.
func (e *Engine) heed(o *gpuagentv1.Order) {
	l := e.admit(o)
	if o.GetStop() {
		l.stop(errStopAsked)
	}
	taken := l.extend(o.GetWorkload())
	if o.GetStart() {
		l.begin(o.GetWorkload())
	}
	if !taken {
		e.spawn(func(ctx context.Context) { // as soon as this life, which is over, is forgotten
			select {
			case <-l.done:
				e.heed(o)
			case <-ctx.Done():
			}
		})
	}
}

// extend gives a life the replicas of this node that have joined the others, and takes
// those from it that have gone. It returns false when that has to wait until the life is over.
func (l *life) extend(w *gpuagentv1.Workload) bool {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.mayBecome(w) {
		return false
	}
	joined, before := false, l.w.GetStatus().GetReplicas()
	after := make([]*gpuagentv1.ReplicaStatus, len(w.GetStatus().GetReplicas()))
	for i, r := range w.GetStatus().GetReplicas() {
		if i < len(before) && !l.isNew(before[i], r) {
			after[i] = before[i]
			after[i].Leaving = r.GetLeaving()
			continue
		}
		after[i] = proto.CloneOf(r)
		if r.GetNode() == l.engine.Node {
			l.engine.address(after[i])
			after[i].Ports, joined = nil, true
		}
	}
	for i, r := range before {
		if i >= len(after) || after[i] != r {
			l.engine.ports.Return(l.run, r.GetPorts())
		}
	}
	l.w.Spec, l.w.Status.Replicas = w.GetSpec(), after
	if joined && l.engine.allot(l.run, l.w) != nil {
		l.stop(errPorts)
	}
	l.hear()
	return true
}

// isNew reports whether an order speaks of another replica than the one known so far: of one
// that was given anew, or that has only now been placed here. The life is locked.
func (l *life) isNew(known, ordered *gpuagentv1.ReplicaStatus) bool {
	return known.GetIncarnation() != ordered.GetIncarnation() || known.GetNode() == "" && ordered.GetNode() == l.engine.Node
}

// mayBecome reports whether a life can take up what an order says: none joins one that is
// over, and none goes that has not ended. The life is locked.
func (l *life) mayBecome(w *gpuagentv1.Workload) bool {
	known, ordered := l.w.GetStatus().GetReplicas(), w.GetStatus().GetReplicas()
	for i, r := range ordered {
		if l.closed && r.GetNode() == l.engine.Node && (i >= len(known) || l.isNew(known[i], r)) {
			return false
		}
	}
	for i, r := range known {
		gone := i >= len(ordered) || r.GetIncarnation() != ordered[i].GetIncarnation()
		if gone && r.GetNode() == l.engine.Node && !state.Ended(r.GetPhase()) {
			return false
		}
	}
	return true
}

// admit returns the life of an ordered run, a new one when there is none.
func (e *Engine) admit(o *gpuagentv1.Order) *life {
	run := state.RunOf(o.GetWorkload())
	e.mu.Lock()
	l, there := e.lives[run]
	if !there {
		l = newLife(e, o.GetWorkload())
		close(l.known)
		e.lives[run] = l
	}
	e.mu.Unlock()
	if !there {
		e.spawn(l.serve)
	}
	return l
}

// begin lets the replicas of this node start, once the addresses of the others are known.
func (l *life) begin(w *gpuagentv1.Workload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isPlaced() {
		return
	}
	for i, r := range w.GetStatus().GetReplicas() {
		if r.GetNode() != l.engine.Node && i < len(l.w.GetStatus().GetReplicas()) {
			at := l.w.Status.Replicas[i]
			at.Host, at.Machine, at.Ports = r.GetHost(), r.GetMachine(), r.GetPorts()
		}
	}
	l.w.Status.StartTime = w.GetStatus().GetStartTime()
	close(l.placed)
}

// serve takes up what was reported of the run before, allots ports, and leads the life.
func (l *life) serve(ctx context.Context) {
	if l.engine.awaitSeat(ctx) && l.recall(ctx) {
		l.lead(ctx)
		return
	}
	l.engine.forget(ctx, l)
	close(l.done)
}

// recall takes up the last report, or makes the first. It returns false when all that
// was ordered has ended before, or the agent has.
func (l *life) recall(ctx context.Context) bool {
	last, ok := l.lastReport(ctx)
	if !ok {
		return false
	}
	l.engine.mu.Lock()
	over := l.reinstate(last)
	l.engine.mu.Unlock()
	return !over && l.storeUntilDone(ctx)
}

// lastReport reads what was reported of the run before, however long that takes; nil
// when nothing was.
func (l *life) lastReport(ctx context.Context) (*gpuagentv1.Report, bool) {
	for {
		item, err := l.engine.State.ReportsOf(l.engine.Node).Get(ctx, l.run)
		switch {
		case err == nil:
			return item.Value, true
		case fault.Is(err, fault.NotFound):
			return nil, true
		}
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return nil, false
		}
	}
}

// reinstate makes the status of a run what was reported last, or that of one that is
// to start, with its ports. It reports whether all of this node's has ended. The engine
// is locked.
func (l *life) reinstate(last *gpuagentv1.Report) (over bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	own := l.engine.own(l.w)
	over = true
	for _, r := range own {
		if known := entryOf(last.GetReplicas(), r); known != nil {
			leaving := r.GetLeaving()
			overwrite(r, known)
			r.Leaving = leaving
			over = over && state.Ended(r.GetPhase())
			continue
		}
		over, r.Ports = false, nil
		if len(own) < len(l.w.GetStatus().GetReplicas()) {
			l.engine.address(r)
		}
	}
	l.engine.hold(l.run, l.w)
	if !over && l.engine.allot(l.run, l.w) != nil {
		l.stop(errPorts)
	}
	return over
}

func overwrite(to, from *gpuagentv1.ReplicaStatus) {
	proto.Reset(to)
	proto.Merge(to, from)
}

// report stores how the replicas of this node fare.
func (l *life) report(ctx context.Context) error {
	w := l.snapshot()
	_, err := l.engine.State.ReportsOf(l.engine.Node).Update(ctx, l.run, &gpuagentv1.Report{
		Uid: l.uid, Epoch: w.GetStatus().GetEpoch(), Replicas: l.engine.own(w), Warnings: w.GetStatus().GetWarnings(),
	}, store.AnyRevision)
	return err
}

// dismiss ends a run whose order was taken back, and removes all there is of it.
func (e *Engine) dismiss(run string, o *gpuagentv1.Order) {
	e.mu.Lock()
	l := e.lives[run]
	e.mu.Unlock()
	if l != nil {
		l.drop()
	}
	e.spawn(func(ctx context.Context) {
		if l != nil {
			select {
			case <-l.done:
			case <-ctx.Done():
				return // the sweep of the next start does it
			}
		}
		w := o.GetWorkload()
		e.removePlaces(ctx, e.placesOf(w))
		if shown, ok := e.board.Get(state.KeyOf(w.GetMetadata())); ok && state.RunOf(shown) == run {
			e.board.Remove(shown)
		}
		e.dropKept(ctx, w)
		e.persist(ctx, []store.Op{e.State.Reports.DeleteOp(state.RunKey(e.Node, run), store.AnyRevision)})
	})
}
