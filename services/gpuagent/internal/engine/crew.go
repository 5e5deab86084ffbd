package engine

import (
	"context"
	"sync"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// crew is the replicas of a life while they run. Those of a gang begin together; others
// join when they are placed, as long as any run.
type crew struct {
	life    *life
	running sync.WaitGroup // those of this node

	begun []bool // by position

	mu      sync.Mutex
	results []result // guarded by mu; by position, of no phase until it has ended
}

func newCrew(l *life, replicas int) *crew {
	return &crew{life: l, begun: make([]bool, replicas), results: make([]result, replicas)}
}

// run runs all replicas to their ends; those of a node that has joined are left to the
// head. It returns false when the agent ended first.
func (c *crew) run(ctx context.Context) ([]result, bool) {
	l := c.life
	c.begin(ctx, l.snapshot())
	c.mirror()
	stopping := l.stopping.Done()
	for !c.over() {
		select {
		case <-l.news:
			if !c.join(ctx) {
				c.running.Wait()
				return c.results, false
			}
		case <-stopping:
			stopping = nil
			if len(l.engine.abroad(l.snapshot())) > 0 {
				l.order(ctx, &gpuagentv1.Order{Start: true, Stop: true})
			}
		case <-ctx.Done():
			c.running.Wait()
			return c.results, false
		}
		c.mirror()
	}
	c.running.Wait()
	return c.results, ctx.Err() == nil
}

// begin starts the replicas that are placed and have not begun, where they are this
// node's, and takes note of the others. It reports whether any were another node's.
func (c *crew) begin(ctx context.Context, w *gpuagentv1.Workload) (abroad bool) {
	l := c.life
	for i, r := range w.GetStatus().GetReplicas() {
		own := r.GetNode() == l.engine.Node
		if r.GetNode() == "" || c.begun[i] || !own && l.engine.Joined {
			continue
		}
		c.begun[i] = true
		if !own {
			abroad = true
			continue
		}
		c.running.Go(func() { c.ended(i, newReplica(l, w, i).lead(ctx)) })
	}
	return abroad
}

// join begins what was placed since the last did, once that is stored. It returns false
// when the agent ended before.
func (c *crew) join(ctx context.Context) bool {
	if !c.life.joined(c.begun) {
		return true
	}
	if !c.life.storeUntilDone(ctx) {
		return false
	}
	if c.begin(ctx, c.life.snapshot()) {
		return c.life.order(ctx, &gpuagentv1.Order{Start: true})
	}
	return true
}

// joined reports whether replicas are placed that have not begun.
func (l *life) joined(begun []bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hasJoined(begun)
}

// hasJoined is joined when the life is locked.
func (l *life) hasJoined(begun []bool) bool {
	for i, r := range l.w.GetStatus().GetReplicas() {
		if !begun[i] && r.GetNode() != "" && (!l.engine.Joined || r.GetNode() == l.engine.Node) {
			return true
		}
	}
	return false
}

// ended notes how a replica ended.
func (c *crew) ended(position int, r result) {
	c.mu.Lock()
	c.results[position] = r // of no phase if the agent ends
	c.mu.Unlock()
	c.life.mind(position, r)
	c.life.hear()
}

// over reports whether all replicas have ended that have begun. Then none joins any more.
func (c *crew) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, begun := range c.begun {
		if begun && c.results[i].phase == gpuagentv1.Phase_PHASE_UNSPECIFIED {
			return false
		}
	}
	return c.life.close(c.begun)
}

// close has no replica join any more, unless one has that has not begun.
func (l *life) close(begun []bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasJoined(begun) {
		l.hear()
		return false
	}
	l.closed = true
	return true
}

// mirror takes over what was reported of replicas on other nodes.
func (c *crew) mirror() {
	l := c.life
	abroad := l.engine.abroad(l.snapshot())
	for _, i := range abroad {
		c.mu.Lock()
		follows := c.begun[i] && c.results[i].phase == gpuagentv1.Phase_PHASE_UNSPECIFIED
		c.mu.Unlock()
		if !follows {
			continue
		}
		if r := l.lookAbroad(i); r != nil {
			c.ended(i, *r)
		}
	}
	if len(abroad) > 0 {
		l.boundRestarts()
	}
}
