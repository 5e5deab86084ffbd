package engine

import (
	"context"
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/scheduler"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// part has those stop that are leaving, and takes leave of those that have gone: they have
// ended and were leaving, or were lost and are to be placed again. It returns false when
// the agent ended before that.
func (c *crew) part(ctx context.Context) bool {
	l := c.life
	if l.engine.Joined {
		c.dismiss(l.snapshot())
		return true
	}
	if l.stopping.Err() != nil {
		return true // it ends as a whole
	}
	w := l.snapshot()
	if c.dismiss(w) && !l.order(ctx, &gpuagentv1.Order{Start: true}) {
		return false
	}
	gone := c.gone(w)
	if len(gone) == 0 {
		return true
	}
	former := l.vacate(gone)
	c.fit(l.snapshot())
	return l.storeUntilDone(ctx) && l.order(ctx, &gpuagentv1.Order{Start: true}, former...)
}

// dismiss has the replicas stop that are leaving, and reports whether there are some on
// other nodes that do not know it yet.
func (c *crew) dismiss(w *gpuagentv1.Workload) (abroad bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range w.GetStatus().GetReplicas() {
		s := c.seat(i, r)
		if s == nil || s.dismissed || !r.GetLeaving() || s.over() {
			continue
		}
		s.dismissed = true
		if s.stop != nil {
			s.stop(errLeaving)
		} else {
			abroad = true
		}
	}
	return abroad
}

// gone are the positions of those that have gone.
func (c *crew) gone(w *gpuagentv1.Workload) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	var gone []int
	for i, r := range w.GetStatus().GetReplicas() {
		if s := c.seat(i, r); s != nil && s.over() && (r.GetLeaving() || s.result.borne) {
			gone = append(gone, i)
		}
	}
	return gone
}

// vacate gives back what replicas held that have gone. It returns the other nodes that they
// were on.
func (l *life) vacate(gone []int) (former []string) {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	slots, former := l.empty(gone)
	e.scheduler.Vacate(l.uid, slots)
	e.decide()
	return former
}

// empty makes the places of replicas that have gone those of others, which are yet to be
// placed, or drops them. The engine is locked.
func (l *life) empty(gone []int) (slots []scheduler.Slot, former []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	job, s := l.engine.jobOf(l.w), l.w.GetStatus()
	for _, i := range gone {
		was := s.GetReplicas()[i]
		slots = append(slots, slotOf(job, i, was))
		s.Replicas[i] = another(s, was.GetGroup(), was.GetIndex())
		delete(l.pids, i)
		if was.GetNode() == l.engine.Node {
			l.engine.ports.Return(l.run, was.GetPorts())
		} else {
			former = union(former, []string{was.GetNode()})
		}
		if !was.GetLeaving() {
			s.Replicas[i].Restarts = was.GetRestarts()
			s.Replicas[i].Message = fmt.Sprintf("node %s was lost; %s", was.GetNode(), joinsLater)
		}
	}
	trim(l.w)
	for _, node := range former {
		if !l.isOn(node) { // it may come back, and be given another
			delete(l.lost, node)
		}
	}
	l.changed()
	return slots, former
}

// isOn reports whether a replica is placed on a node. The life is locked.
func (l *life) isOn(node string) bool {
	for _, r := range l.w.GetStatus().GetReplicas() {
		if r.GetNode() == node {
			return true
		}
	}
	return false
}

// doesWithout reports whether a workload can go on without what a node has of it that is
// lost: replicas of independent groups that no other needs, as long as enough are left.
func (l *life) doesWithout(node string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.spec.GetDisruptible() || l.spec.GetOneNode() || l.stopping.Err() != nil || hasSucceeded(l.w) {
		return false
	}
	needed, left := neededBy(l.w.GetSpec()), 0
	first := firstOf(l.w.GetSpec())
	for i, r := range l.w.GetStatus().GetReplicas() {
		switch {
		case r.GetNode() == "":
		case r.GetNode() == node && (i < needed || i < first):
			return false
		case r.GetNode() != node && !l.lost[r.GetNode()] && !r.GetLeaving() && !state.Ended(r.GetPhase()):
			left++
		}
	}
	return left >= max(1, needed, int(l.spec.GetGangMin())) && lastGroup(l.w).GetIndependent()
}
