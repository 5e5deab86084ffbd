package dag

import (
	"fmt"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// fail settles a node that failed by itself.
func (p *Plan) fail(n *node, message string) {
	n.failures, n.culprit = 1, n
	p.settle(n, pipelinev1.RuntimeState_FAILED, message)
}

// settle ends a node, lets go what waited for it and tells its parent.
func (p *Plan) settle(n *node, state pipelinev1.RuntimeState, message string) {
	n.phase = settled
	n.message = message
	at := n.enter(state, p.now)
	if n.ended.IsZero() {
		n.ended = at
	}
	n.reran = p.ranAnew(n)
	p.changed(n)
	parent := n.parent
	if parent == nil {
		p.effects.Done = p.outcome()
		return
	}
	parent.count(n)
	if parent.loop != nil {
		p.advance(parent)
		return
	}
	for _, d := range parent.graph.downstream[n.index] {
		c := parent.children[d]
		if c.waits--; c.waits == 0 {
			p.enqueue(c)
		}
	}
	if parent.pending == 0 {
		p.queue = append(p.queue, parent)
	}
}

// count adds the end of a child to its parent's books.
func (n *node) count(child *node) {
	n.pending--
	if n.loop != nil {
		n.loop.active--
	}
	n.failures += child.failures
	n.stirred = n.stirred || child.reran
	if n.culprit == nil {
		n.culprit = child.culprit
	}
	if child.state == pipelinev1.RuntimeState_CANCELED {
		n.canceled++
	}
}

// complete ends a composite whose children have all ended.
func (p *Plan) complete(n *node) {
	if n.phase != open || n.pending > 0 {
		return
	}
	switch {
	case p.canceled && (n.canceled > 0 || n.parent == nil):
		p.settle(n, pipelinev1.RuntimeState_CANCELED, "the run was canceled")
	case n.failures > 0:
		p.settle(n, pipelinev1.RuntimeState_FAILED, n.blame())
	default:
		n.outputs = n.collect()
		p.settle(n, pipelinev1.RuntimeState_SUCCEEDED, "")
	}
}

// blame says which task made a composite fail.
func (n *node) blame() string {
	message := fmt.Sprintf("task %q failed: %s", n.culprit.path, n.culprit.message)
	switch others := n.failures - 1; others {
	case 0:
		return message
	case 1:
		return message + " (and 1 more task failed)"
	default:
		return fmt.Sprintf("%s (and %d more tasks failed)", message, others)
	}
}

func (p *Plan) outcome() *Outcome {
	o := &Outcome{State: p.root.state}
	if o.State == pipelinev1.RuntimeState_FAILED {
		o.Message = p.root.message
	}
	return o
}
