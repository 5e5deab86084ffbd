package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// loopback is where replicas of one node reach each other.
const loopback = "127.0.0.1"

// decide has the scheduler decide, and does what it says. The engine is locked.
func (e *Engine) decide() {
	now := time.Now()
	for _, decision := range e.scheduler.Decide(now) {
		switch d := decision.(type) {
		case scheduler.Place:
			delete(e.hopeless, d.UID)
			if l := e.lives[d.UID]; l.take(d.Slots) != nil {
				l.stop(errPorts)
			}
		case scheduler.Preempt:
			e.lives[d.UID].stop(&preemption{because: d.Because})
		case scheduler.Wait:
			e.heedWait(d)
		}
	}
	next := e.scheduler.Next()
	if at := e.giveUpHopeless(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
		next = at
	}
	e.decideAt(next)
}

// decideAt has the engine decide again at a time, unless something happens before.
// The engine is locked.
func (e *Engine) decideAt(at time.Time) {
	if e.alarm != nil {
		e.alarm.Stop()
		e.alarm = nil
	}
	if at.IsZero() {
		return
	}
	e.alarm = time.AfterFunc(time.Until(at), func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.decide()
	})
}

// take gives a life its place, or a place for more of its replicas. The engine is locked.
func (l *life) take(slots []scheduler.Slot) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isPlaced() && (l.closed || l.stopping.Err() != nil) {
		return nil // the others have ended, or are about to, and it gives everything back then
	}
	status := l.w.GetStatus()
	for _, slot := range slots {
		r := status.GetReplicas()[positionOf(l.w.GetSpec(), slot)]
		r.Node, r.Gpus, r.Host, r.Ports = slot.Node, slot.GPUs, loopback, nil
		r.NodeTerm = l.engine.terms[slot.Node]
		r.Phase, r.Reason, r.Message = gpuagentv1.Phase_PHASE_STARTING, "", ""
	}
	if l.apart() {
		for _, r := range l.engine.own(l.w) {
			l.engine.address(r)
		}
	}
	if l.isPlaced() {
		l.hear()
	} else {
		l.begins()
	}
	l.changed()
	return l.engine.allot(l.run, l.w)
}

// joinsLater is said of a replica that is not placed while others run.
const joinsLater = "joins the others when there is room"

// begins makes the status that of a workload which has its place, or that of enough of
// its replicas. The life is locked.
func (l *life) begins() {
	s := l.w.GetStatus()
	s.Phase, s.Reason, s.Message = gpuagentv1.Phase_PHASE_STARTING, "", ""
	s.StartTime = timestamppb.Now()
	for _, r := range s.GetReplicas() {
		if r.GetNode() == "" {
			r.Message = joinsLater
		}
	}
	close(l.placed)
}

// apart reports whether replicas of a workload are on different nodes, or may be once all
// are placed. The life is locked.
func (l *life) apart() bool {
	replicas := l.w.GetStatus().GetReplicas()
	for _, r := range replicas {
		if r.GetNode() == "" && l.engine.Agents != nil || r.GetNode() != "" && r.GetNode() != replicas[0].GetNode() {
			return true
		}
	}
	return false
}

// wait says why a life is not placed. The engine is locked.
func (l *life) wait(sentence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.Status.Message = sentence
	l.changed()
}

// waitToJoin says why replicas of a life that runs are not placed. The engine is locked.
func (l *life) waitToJoin(sentence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.w.GetStatus().GetReplicas() {
		if r.GetNode() == "" {
			r.Message = sentence
		}
	}
	l.changed()
}

// address says where others reach a replica of this node.
func (e *Engine) address(r *gpuagentv1.ReplicaStatus) {
	r.Host, r.Machine = e.node.GetStatus().GetHost(), e.node.GetStatus().GetHostname()
}

// own are the replicas of a workload that are placed on this node.
func (e *Engine) own(w *gpuagentv1.Workload) []*gpuagentv1.ReplicaStatus {
	var own []*gpuagentv1.ReplicaStatus
	for _, r := range w.GetStatus().GetReplicas() {
		if r.GetNode() == e.Node {
			own = append(own, r)
		}
	}
	return own
}

// allot gives every replica of this node its ports, unless it has them.
func (e *Engine) allot(holder string, w *gpuagentv1.Workload) error {
	for i, replica := range w.GetStatus().GetReplicas() {
		if replica.GetNode() != e.Node || len(replica.GetPorts()) > 0 {
			continue
		}
		for _, p := range template(w, i).GetPorts() {
			port, err := e.ports.Allot(holder, p.GetPreferred())
			if err != nil {
				return err
			}
			if replica.Ports == nil {
				replica.Ports = map[string]int32{}
			}
			replica.Ports[p.GetName()] = port
		}
	}
	return nil
}

// hold enters the ports that replicas of this node got before the agent was started anew.
func (e *Engine) hold(holder string, w *gpuagentv1.Workload) {
	for _, replica := range e.own(w) {
		for _, port := range replica.GetPorts() {
			e.ports.Hold(holder, port)
		}
	}
}

// release returns everything a workload holds. The engine is locked.
func (e *Engine) release(l *life) {
	e.ports.Release(l.run)
	if !e.Joined {
		delete(e.hopeless, l.uid)
		e.scheduler.Release(l.uid)
	}
}

// restore enters what an adopted life holds. The engine is locked.
func (e *Engine) restore(l *life) {
	job := e.jobOf(l.w)
	var slots []scheduler.Slot
	for i, replica := range l.w.GetStatus().GetReplicas() {
		if replica.GetNode() != "" {
			slots = append(slots, slotOf(job, i, replica))
		}
	}
	e.scheduler.Restore(job, slots)
	e.hold(l.run, l.w)
	close(l.placed)
}

// leave takes a life that has ended out of the books and lets others have its place.
func (e *Engine) leave(l *life) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.release(l)
	if !e.Joined {
		e.decide()
	}
}

// forget ends what is known of a life. A workload that was refused, because the
// store did not answer, and turns out to be stored after all begins another, and so
// does one that is to run anew.
func (e *Engine) forget(ctx context.Context, l *life) {
	if ctx.Err() != nil { // what it runs goes on, with its volumes
		return
	}
	e.mu.Lock()
	delete(e.lives, e.nameOf(l))
	e.mu.Unlock()
	e.letGo(l.w)
	w, ok := e.board.Get(l.key)
	if ok && !e.Joined && w.GetMetadata().GetUid() == l.uid && !state.Ended(w.GetStatus().GetPhase()) {
		e.adopt(w)
	}
}

// nameOf is what lives are known by: by their workloads on the head, where a
// workload has one at a time, and by their runs on nodes that have joined, which may be
// told of the next before the last has ended.
func (e *Engine) nameOf(l *life) string {
	if e.Joined {
		return l.run
	}
	return l.uid
}

// template is that of the i-th replica.
func template(w *gpuagentv1.Workload, i int) *gpuagentv1.Template { return group(w, i).GetTemplate() }

// group is the group of a workload's replica. Of the last group there may be more than it
// says: those that are leaving.
func group(w *gpuagentv1.Workload, i int) *gpuagentv1.ReplicaGroup {
	groups := w.GetSpec().GetGroups()
	last := len(groups) - 1
	for _, group := range groups[:last] {
		if count := state.Replicas(group); i >= count {
			i -= count
			continue
		}
		return group
	}
	return groups[last]
}

// errNotReady refuses work that came before the node is known.
func (e *Engine) errNotReady() error {
	return fault.Unavailablef("node %s has just started and does not take workloads yet; try again", e.Node)
}

// errJoined refuses what only the head does.
var errJoined = fault.Preconditionf("this node has joined others and takes orders from their head: ask that")
