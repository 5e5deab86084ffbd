package engine

import (
	"context"
	"sync"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// crew is the replicas of a life while they run. Those of a gang begin together; others
// join when they are placed, and some may leave, as long as any run.
type crew struct {
	life    *life
	running sync.WaitGroup // those of this node

	mu    sync.Mutex
	seats []seat // guarded by mu; by position. What is not their result, run's goroutine alone writes
}

// seat is one of the crew.
type seat struct {
	begun       bool
	incarnation int32
	stop        context.CancelCauseFunc // of one of this node
	dismissed   bool                    // whether it was told to leave
	result      result                  // of no phase until it has ended
}

func (s *seat) over() bool { return s.result.phase != gpuagentv1.Phase_PHASE_UNSPECIFIED }

func newCrew(l *life) *crew { return &crew{life: l} }

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
				return c.results(), false
			}
		case <-stopping:
			stopping = nil
			if len(l.engine.abroad(l.snapshot())) > 0 {
				l.order(ctx, &gpuagentv1.Order{Start: true, Stop: true})
			}
		case <-ctx.Done():
			c.running.Wait()
			return c.results(), false
		}
		c.mirror()
		if !c.part(ctx) {
			c.running.Wait()
			return c.results(), false
		}
	}
	c.running.Wait()
	return c.results(), ctx.Err() == nil
}

// begin starts the replicas that are placed and have not begun, where they are this
// node's, and takes note of the others. It reports whether any were another node's.
func (c *crew) begin(ctx context.Context, w *gpuagentv1.Workload) (abroad bool) {
	l := c.life
	c.fit(w)
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, r := range w.GetStatus().GetReplicas() {
		own := r.GetNode() == l.engine.Node
		if r.GetNode() == "" || c.seats[i].begun || !own && l.engine.Joined {
			continue
		}
		c.seats[i] = seat{begun: true, incarnation: r.GetIncarnation()}
		if !own {
			abroad = true
			continue
		}
		one := newReplica(l, w, i)
		c.seats[i].stop = one.stop
		l.leading.Add(1)
		c.running.Go(func() { c.ended(i, r.GetIncarnation(), one.run(ctx)) })
	}
	return abroad
}

// fit makes the seats those of the replicas that there are.
func (c *crew) fit(w *gpuagentv1.Workload) {
	c.mu.Lock()
	defer c.mu.Unlock()
	replicas := w.GetStatus().GetReplicas()
	for len(c.seats) < len(replicas) {
		c.seats = append(c.seats, seat{})
	}
	c.seats = c.seats[:len(replicas)]
	for i, r := range replicas {
		if c.seats[i].begun && c.seats[i].incarnation != r.GetIncarnation() {
			c.seats[i] = seat{}
		}
	}
}

// seat is that of a replica; nil when it has not begun. The crew is locked, or this is run's
// goroutine.
func (c *crew) seat(i int, r *gpuagentv1.ReplicaStatus) *seat {
	if i >= len(c.seats) || !c.seats[i].begun || c.seats[i].incarnation != r.GetIncarnation() {
		return nil
	}
	return &c.seats[i]
}

// join begins what was placed since the last did, once that is stored. It returns false
// when the agent ended before.
func (c *crew) join(ctx context.Context) bool {
	if !c.life.joined(c) {
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
func (l *life) joined(c *crew) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hasJoined(c)
}

// hasJoined is joined when the life is locked.
func (l *life) hasJoined(c *crew) bool {
	for i, r := range l.w.GetStatus().GetReplicas() {
		if c.seat(i, r) == nil && r.GetNode() != "" && (!l.engine.Joined || r.GetNode() == l.engine.Node) {
			return true
		}
	}
	return false
}

// ended notes how a replica ended.
func (c *crew) ended(position int, incarnation int32, r result) {
	c.mu.Lock()
	if position < len(c.seats) && c.seats[position].incarnation == incarnation {
		c.seats[position].result = r // of no phase if the agent ends
	}
	c.mu.Unlock()
	c.life.mind(position, r)
	c.life.hear()
}

// results are how the replicas ended, by position.
func (c *crew) results() []result {
	replicas := c.life.snapshot().GetStatus().GetReplicas()
	c.mu.Lock()
	defer c.mu.Unlock()
	results := make([]result, len(replicas))
	for i, r := range replicas {
		if s := c.seat(i, r); s != nil {
			results[i] = s.result
		}
	}
	return results
}

// over reports whether all replicas have ended that have begun. Then none joins any more.
func (c *crew) over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.seats {
		if c.seats[i].begun && !c.seats[i].over() {
			return false
		}
	}
	return c.life.close(c)
}

// close has no replica join any more, unless one has that has not begun.
func (l *life) close(c *crew) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hasJoined(c) {
		l.hear()
		return false
	}
	l.closed = true
	return true
}

// mirror takes over what was reported of replicas on other nodes.
func (c *crew) mirror() {
	l := c.life
	w := l.snapshot()
	abroad := l.engine.abroad(w)
	for _, i := range abroad {
		r := w.GetStatus().GetReplicas()[i]
		c.mu.Lock()
		s := c.seat(i, r)
		follows := s != nil && !s.over()
		c.mu.Unlock()
		if !follows {
			continue
		}
		if end := l.lookAbroad(i); end != nil {
			c.ended(i, r.GetIncarnation(), *end)
		}
	}
	if len(abroad) > 0 {
		l.boundRestarts()
	}
}
