package dag

import (
	"fmt"
	"strings"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// decide says what becomes of a node for which all upstream tasks have ended.
func (p *Plan) decide(n *node) {
	n.phase = open
	p.settleRetrial(n)
	if p.canceled && !p.wasOpen(n) {
		p.leaveOut(n)
		return
	}
	if reason := n.upstreamMissing(); reason != "" {
		p.settle(n, pipelinev1.RuntimeState_SKIPPED, reason)
		return
	}
	runs, err := p.admit(n)
	switch {
	case err != nil:
		p.fail(n, err.Error())
	case !runs:
		p.settle(n, pipelinev1.RuntimeState_SKIPPED, "the condition does not hold: "+n.task.TriggerPolicy.Condition)
	case n.iterates():
		p.openLoop(n)
	case n.isLeaf():
		p.openLeaf(n)
	default:
		p.openDAG(n)
	}
}

// leaveOut ends a node that a canceled run does not open. What it was before a
// crash, it stays.
func (p *Plan) leaveOut(n *node) {
	past := p.memory.tasks[n.id]
	if int(past.GetRunRetries()) != n.retries {
		past = nil // it was to be another
	}
	switch past.GetDetail().GetState() {
	case pipelinev1.RuntimeState_FAILED:
		p.fail(n, past.GetMessage())
	case pipelinev1.RuntimeState_SKIPPED:
		p.settle(n, pipelinev1.RuntimeState_SKIPPED, past.GetMessage())
	default:
		p.settle(n, pipelinev1.RuntimeState_CANCELED, "the run was canceled")
	}
}

// admit resolves the inputs of a node and tells whether its condition holds.
func (p *Plan) admit(n *node) (bool, error) {
	switch {
	case n.parent == nil:
		inputs := ir.Values{Parameters: p.run.Parameters}
		if err := supplyMissing(n, &inputs); err != nil {
			return false, err
		}
		n.inputs = inputs
		return true, nil
	case n.isIteration():
		n.inputs = n.parent.loop.inputsOf(n)
		return true, nil
	}
	inputs, err := p.resolve(n)
	if err != nil {
		return false, err
	}
	n.inputs = inputs
	if n.task.TriggerPolicy == nil || n.task.TriggerPolicy.Condition == "" {
		return true, nil
	}
	condition := n.task.TriggerPolicy.Condition
	parameters, err := p.options.Load.Parameters(inputs.Parameters, func(name string) bool { return strings.Contains(condition, name) })
	if err != nil {
		return false, err
	}
	runs, err := p.options.Conditions.Evaluate(condition, parameters)
	if err != nil {
		return false, fmt.Errorf("the condition cannot be evaluated: %w", err)
	}
	return runs, nil
}

// upstreamMissing says which upstream task keeps the node from running, if any.
func (n *node) upstreamMissing() string {
	if n.task == nil || n.isIteration() {
		return ""
	}
	if n.task.TriggerPolicy != nil && n.task.TriggerPolicy.Strategy == ir.AllUpstreamCompleted {
		return ""
	}
	for _, u := range n.parent.graph.upstream[n.index] {
		up := n.parent.children[u]
		switch up.state {
		case pipelinev1.RuntimeState_SUCCEEDED:
		case pipelinev1.RuntimeState_FAILED:
			return fmt.Sprintf("upstream task %q failed", up.name)
		case pipelinev1.RuntimeState_CANCELED:
			return fmt.Sprintf("upstream task %q was canceled", up.name)
		default:
			return fmt.Sprintf("upstream task %q was skipped", up.name)
		}
	}
	return ""
}

// openDAG creates the tasks of a DAG and queues those that wait for nothing.
func (p *Plan) openDAG(n *node) {
	n.graph = p.graphOf(n.component.DAG)
	p.enterOpen(n)
	n.pending = len(n.graph.names)
	n.children = make([]*node, n.pending)
	prefix := n.path
	if prefix != "" {
		prefix += "/"
	}
	for i, name := range n.graph.names {
		task := n.graph.tasks[i]
		c := p.newNode(n, i, name, prefix+name, task, p.componentOf(task))
		c.waits = len(n.graph.upstream[i])
		n.children[i] = c
		p.changed(c)
	}
	for _, c := range n.children {
		if c.waits == 0 {
			p.enqueue(c)
		}
	}
	if n.pending == 0 {
		p.queue = append(p.queue, n)
	}
}

// enterOpen moves a composite to the state in which its children run.
func (p *Plan) enterOpen(n *node) {
	state := pipelinev1.RuntimeState_RUNNING
	if p.canceled {
		state = pipelinev1.RuntimeState_CANCELING
	}
	n.started = n.enter(state, p.now)
	p.changed(n)
}
