package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// What follows is the head's side of replicas on nodes that have joined. It tells a
// node what to run by an order, which it alone writes, and hears by a report, which the
// node alone writes. When a workload is on more than one node, the nodes first allot
// the ports of their replicas, and nothing starts before the addresses of all are known.

// abroad are the positions of the replicas that other nodes run, on the head.
func (e *Engine) abroad(w *gpuagentv1.Workload) []int {
	var positions []int
	for i, r := range w.GetStatus().GetReplicas() {
		if !e.Joined && r.GetNode() != e.Node && r.GetNode() != "" {
			positions = append(positions, i)
		}
	}
	return positions
}

// nodesOf are the other nodes that a workload is placed on.
func (e *Engine) nodesOf(w *gpuagentv1.Workload) []string {
	var nodes []string
	for _, i := range e.abroad(w) {
		if node := w.GetStatus().GetReplicas()[i].GetNode(); !slices.Contains(nodes, node) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// meet gives the orders, and returns once the replicas have one another's addresses as
// far as they need them. It returns how all of them ended instead when that is not to be.
func (l *life) meet(ctx context.Context, abroad []int) *result {
	if !l.awaitKnown(ctx) {
		return new(stopResult(errDeleted, l.spec))
	}
	together := len(abroad) == len(l.snapshot().GetStatus().GetReplicas()) && len(l.engine.nodesOf(l.snapshot())) == 1
	if !l.order(ctx, &gpuagentv1.Order{Start: together}) || together {
		return nil
	}
	for !l.gather(abroad) {
		if lost := l.lostOne(abroad); lost != nil {
			l.order(ctx, &gpuagentv1.Order{Stop: true})
			return lost
		}
		select {
		case <-l.news:
		case <-l.stopping.Done():
			l.order(ctx, &gpuagentv1.Order{Stop: true})
			return new(stopResult(context.Cause(l.stopping), l.spec))
		case <-ctx.Done():
			return &result{}
		}
	}
	l.order(ctx, &gpuagentv1.Order{Start: true})
	return nil
}

// gather takes the addresses of replicas from the reports, and reports whether all
// are there.
func (l *life) gather(abroad []int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range abroad {
		r := l.w.GetStatus().GetReplicas()[i]
		reported := l.engine.reported(l.run, r)
		if reported == nil {
			return false
		}
		r.Host, r.Machine, r.Ports = reported.GetHost(), reported.GetMachine(), reported.GetPorts()
	}
	return true
}

// reported is what the node of a replica reports of it; nil when it has not yet.
func (e *Engine) reported(run string, r *gpuagentv1.ReplicaStatus) *gpuagentv1.ReplicaStatus {
	item, ok := e.reports.Get(state.RunKey(r.GetNode(), run))
	if !ok {
		return nil
	}
	return entryOf(item.Value.GetReplicas(), r)
}

// entryOf is the entry of a replica in a list, of the same incarnation; nil when there is
// none.
func entryOf(list []*gpuagentv1.ReplicaStatus, r *gpuagentv1.ReplicaStatus) *gpuagentv1.ReplicaStatus {
	i := slices.IndexFunc(list, func(other *gpuagentv1.ReplicaStatus) bool {
		return other.GetGroup() == r.GetGroup() && other.GetIndex() == r.GetIndex() && other.GetIncarnation() == r.GetIncarnation()
	})
	if i < 0 {
		return nil
	}
	return list[i]
}

// order tells the other nodes what to do with the workload as it is, however long the
// store cannot be reached, and those that it was on. It returns false when the agent ended
// before that. Those that are to start find the checkpoints that the head alone may have had:
// as long as there was no other node, nobody else could want them.
func (l *life) order(ctx context.Context, o *gpuagentv1.Order, former ...string) bool {
	w := l.snapshot()
	if o.GetStart() && !o.GetStop() {
		l.storeCheckpoints(ctx, w, l.leading.Load() == 0)
	}
	var ops []store.Op
	for _, node := range union(l.engine.nodesOf(w), former) {
		order := &gpuagentv1.Order{Workload: w, Start: o.GetStart(), Stop: o.GetStop()}
		ops = append(ops, l.engine.State.Orders.UpdateOp(state.RunKey(node, l.run), order, store.AnyRevision))
	}
	return l.engine.persist(ctx, ops)
}

// union is the names of two lists, each once.
func union(names, others []string) []string {
	for _, name := range others {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// formerNodes are the other nodes that replicas of a workload were on in its present epoch
// and may not be on any more: whoever was given an order has reported.
func (e *Engine) formerNodes(w *gpuagentv1.Workload) []string {
	if e.Joined || w.GetStatus().GetIncarnations() == 0 {
		return nil
	}
	var nodes []string
	for _, item := range e.reports.List("") {
		if node, run, _ := strings.Cut(item.Key, "/"); run == state.RunOf(w) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// withdraw takes back the orders of a workload's present epoch, and forgets the reports.
func (e *Engine) withdraw(ctx context.Context, w *gpuagentv1.Workload) bool {
	var ops []store.Op
	for _, node := range union(e.nodesOf(w), e.formerNodes(w)) {
		key := state.RunKey(node, state.RunOf(w))
		ops = append(ops, e.State.Orders.DeleteOp(key, store.AnyRevision), e.State.Reports.DeleteOp(key, store.AnyRevision))
	}
	return e.persist(ctx, ops)
}

// persist commits, in as many parts as are needed, until that is done. It returns
// false when the agent ended before.
func (e *Engine) persist(ctx context.Context, ops []store.Op) bool {
	for part := range slices.Chunk(ops, store.MaxOps) {
		for {
			_, err := e.State.Backend.Commit(ctx, part...)
			if err == nil {
				break
			}
			if ctx.Err() != nil {
				return false
			}
			e.Log.WarnContext(ctx, "orders are not stored yet", "error", err)
			select {
			case <-time.After(retryEvery):
			case <-ctx.Done():
				return false
			}
		}
	}
	return true
}

// lookAbroad shows what was reported of a replica, and returns how it ended, once it has.
func (l *life) lookAbroad(position int) *result {
	r := l.snapshot().GetStatus().GetReplicas()[position]
	reported := l.engine.reported(l.run, r)
	if reported != nil {
		l.update(func(s *gpuagentv1.WorkloadStatus) {
			shown := s.GetReplicas()[position]
			node, term, gpus, host, leaving := shown.GetNode(), shown.GetNodeTerm(), shown.GetGpus(), shown.GetHost(), shown.GetLeaving()
			overwrite(shown, reported)
			shown.Node, shown.NodeTerm, shown.Gpus, shown.Host, shown.Leaving = node, term, gpus, host, leaving
			tell(s, "")
		})
	}
	switch {
	case state.Ended(reported.GetPhase()) && reported.GetReason() == runtime.ReasonNodeLost:
		return l.nodeLost(r.GetNode())
	case state.Ended(reported.GetPhase()):
		return l.endOf(reported)
	case l.hasLost(r.GetNode()):
		return l.nodeLost(r.GetNode())
	}
	return nil
}

// endOf is how a replica ended, from its report: what a stop was for, the head knows.
func (l *life) endOf(r *gpuagentv1.ReplicaStatus) *result {
	end := result{
		phase: r.GetPhase(), reason: r.GetReason(), message: r.GetMessage(), code: r.GetExitCode(),
		start: r.GetStartTime().AsTime(), finish: r.GetFinishTime().AsTime(),
	}
	if cause := context.Cause(l.stopping); cause != nil && end.phase == gpuagentv1.Phase_PHASE_STOPPED {
		stopped := stopResult(cause, l.spec)
		end.phase, end.reason, end.message = stopped.phase, stopped.reason, stopped.message
	}
	return &end
}

// boundRestarts stops a workload whose replicas were started again more often, over
// all nodes, than it allows: each node knows of its own alone.
func (l *life) boundRestarts() {
	restarts := int32(0)
	for _, r := range l.snapshot().GetStatus().GetReplicas() {
		restarts += r.GetRestarts()
	}
	if restarts > l.spec.GetBackoffLimit() {
		l.stop(errRestarts)
	}
}

// lostOne is the end of all replicas when a node of theirs was lost before they started.
func (l *life) lostOne(abroad []int) *result {
	for _, i := range abroad {
		if node := l.snapshot().GetStatus().GetReplicas()[i].GetNode(); l.hasLost(node) {
			l.stopFor(node)
			return new(lostWith(node))
		}
	}
	return nil
}

func (l *life) hasLost(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost[node]
}

// nodeLost is the end of a replica whose node was lost. A workload that bears it goes on with
// those that are left, if they can do without it, and is stopped as a whole otherwise, to
// run anew.
func (l *life) nodeLost(node string) *result {
	lost := lostWith(node)
	if lost.borne = l.doesWithout(node); !lost.borne {
		l.stopFor(node)
	}
	return &lost
}

// lostWith is the end of a replica whose node was lost.
func lostWith(node string) result { return failure(runtime.ReasonNodeLost, "node %s was lost", node) }

// stopFor stops a workload that bears being disrupted as a whole, because a node was lost.
func (l *life) stopFor(node string) {
	if l.spec.GetDisruptible() {
		l.stop(fmt.Errorf("%w: %s", errNodeLost, node))
	}
}

// hear wakes whoever follows the replicas.
func (l *life) hear() {
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// observeReports hears of every report.
func (e *Engine) observeReports(updates []store.Update[*gpuagentv1.Report]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range updates {
		if l := e.lives[u.Item.Value.GetUid()]; l != nil {
			l.hear()
		}
	}
}

// observeNodes hears of every node that joins, changes or is gone.
func (e *Engine) observeNodes(updates []store.Update[*gpuagentv1.Node]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range updates {
		switch name := u.Item.Key; {
		case u.Deleted && name == e.Node:
		case u.Deleted:
			e.scheduler.RemoveNode(name)
			e.unsettle()
			delete(e.terms, name)
			e.lose(name)
		default:
			if e.terms.hear(u.Item.Value) { // it was gone for less time than it takes to hear of it
				e.lose(name)
			}
			e.enlist(u.Item)
		}
	}
	if e.Ready() == nil {
		e.decide()
	}
}

// lose tells lives that what they have on a node, or on any if it is empty, is lost where the
// node's term is over in which it was placed there. The engine is locked.
func (e *Engine) lose(name string) {
	for _, l := range e.lives {
		l.mu.Lock()
		for _, r := range l.w.GetStatus().GetReplicas() {
			node := r.GetNode()
			if node != "" && node != e.Node && (name == "" || node == name) && e.terms.gone(r) {
				l.lost[node] = true
				l.hear()
			}
		}
		l.mu.Unlock()
	}
}

// loseAbsent tells the lives that were adopted which of their nodes are gone. The
// engine is locked.
func (e *Engine) loseAbsent() { e.lose("") }

// sweepOrders takes back the orders of workloads that are gone, as after a crash
// between a deletion and what follows from it.
func (e *Engine) sweepOrders(ctx context.Context) error {
	known := e.known()
	var ops []store.Op
	orders, _, err := e.State.Orders.List(ctx, "")
	if err != nil {
		return err
	}
	for _, item := range orders {
		if !known[runIn(item.Key)] {
			ops = append(ops, e.State.Orders.DeleteOp(item.Key, store.AnyRevision))
		}
	}
	for _, item := range e.reports.List("") {
		if !known[runIn(item.Key)] {
			ops = append(ops, e.State.Reports.DeleteOp(item.Key, store.AnyRevision))
		}
	}
	e.persist(ctx, ops)
	return ctx.Err()
}

// runIn is the run that the key of an order or a report names.
func runIn(key string) string { return key[strings.LastIndexByte(key, '/')+1:] }
