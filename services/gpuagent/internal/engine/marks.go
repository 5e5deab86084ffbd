package engine

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/taint"
)

// Marks are what people have said of nodes: they say it to the head, which alone writes
// it, and it outlives the agents.

// Nodes are all nodes that are there, by name, with their marks and who has their GPUs.
func (e *Engine) Nodes() []*gpuagentv1.Node {
	holders := e.holders()
	var nodes []*gpuagentv1.Node
	for _, item := range e.nodes.List("") {
		n := e.marked(item)
		holders.name(n)
		nodes = append(nodes, n)
	}
	return nodes
}

// NodeOf is a node with its marks and who has its GPUs.
func (e *Engine) NodeOf(name string) (*gpuagentv1.Node, error) {
	item, ok := e.nodes.Get(name)
	if !ok {
		return nil, errNoNode(name)
	}
	n := e.marked(item)
	e.holders().name(n)
	return n, nil
}

func errNoNode(name string) error {
	return fault.NotFoundf("there is no node %s, or its agent does not run", name).WithReason("NODE_NOT_FOUND")
}

// Cordon has a node take no more workloads, or take them again.
func (e *Engine) Cordon(ctx context.Context, name string, undo bool, reason string) (*gpuagentv1.Node, error) {
	return e.mark(ctx, name, func(m *gpuagentv1.NodeMarks) error {
		m.Cordoned, m.CordonReason = !undo, reason
		return nil
	})
}

// Taint changes the taints of a node.
func (e *Engine) Taint(ctx context.Context, r *gpuagentv1.TaintNodeRequest) (*gpuagentv1.Node, error) {
	return e.mark(ctx, r.GetName(), func(m *gpuagentv1.NodeMarks) error {
		item, ok := e.nodes.Get(r.GetName())
		if !ok {
			return errNoNode(r.GetName())
		}
		var err error
		m.Taints, err = taint.Change(r.GetName(), item.Value.GetStatus().GetTaints(), m.GetTaints(), r)
		return err
	})
}

// WithdrawGPU has a GPU be given to nobody, or be given out again.
func (e *Engine) WithdrawGPU(ctx context.Context, name, uuid string, undo bool, reason string) (*gpuagentv1.Node, error) {
	return e.mark(ctx, name, func(m *gpuagentv1.NodeMarks) error {
		n, err := e.NodeOf(name)
		if err != nil {
			return err
		}
		gpu := gpuOf(n, uuid)
		if undo {
			delete(m.Withdrawn, uuid)
			return e.clear(m, name, gpu)
		}
		if gpu == nil {
			return fault.NotFoundf("node %s has no GPU %s", name, uuid).WithReason("GPU_NOT_FOUND")
		}
		if m.Withdrawn == nil {
			m.Withdrawn = map[string]string{}
		}
		m.Withdrawn[uuid] = reason
		return nil
	})
}

func gpuOf(n *gpuagentv1.Node, uuid string) *gpuagentv1.Gpu {
	for _, gpu := range n.GetStatus().GetGpus() {
		if gpu.GetUuid() == uuid {
			return gpu
		}
	}
	return nil
}

// clear notes that what is wrong with a GPU by now is no longer to be counted.
func (e *Engine) clear(m *gpuagentv1.NodeMarks, name string, gpu *gpuagentv1.Gpu) error {
	item, ok := e.nodes.Get(name)
	if gpu == nil || !ok {
		return nil
	}
	problem := gpuOf(item.Value, gpu.GetUuid()).GetProblem() // as its agent has it
	switch problem {
	case "":
	case problemGone:
		return fault.Preconditionf("GPU %s cannot be given out: %s", gpu.GetUuid(), problemGone).WithReason("GPU_GONE")
	default:
		if m.Cleared == nil {
			m.Cleared = map[string]string{}
		}
		m.Cleared[gpu.GetUuid()] = problem
	}
	return nil
}

// mark changes the marks of a node that is there.
func (e *Engine) mark(ctx context.Context, name string, change func(*gpuagentv1.NodeMarks) error) (*gpuagentv1.Node, error) {
	if err := e.awaitNode(ctx, name); err != nil {
		return nil, err
	}
	for {
		item, err := e.State.Marks.Get(ctx, name)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		marks := item.Value
		if marks == nil {
			marks = &gpuagentv1.NodeMarks{}
		}
		if err := change(marks); err != nil {
			return nil, err
		}
		revision, err := e.State.Marks.Update(ctx, name, marks, item.Revision)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := e.marks.WaitFor(ctx, revision); err != nil {
			return nil, err
		}
		return e.NodeOf(name)
	}
}

// How long the agent's own node is waited for, and how often it is looked for. An agent
// serves before it has looked at its GPUs and runtimes, and so before its record is there.
const (
	ownNodeWithin = 5 * time.Second
	ownNodeEvery  = 5 * time.Millisecond
)

// awaitNode reports whether there is a node. The agent's own comes a moment after its start.
func (e *Engine) awaitNode(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, ownNodeWithin)
	defer cancel()
	for {
		_, err := e.NodeOf(name)
		if err == nil || name != e.Node {
			return err
		}
		select {
		case <-time.After(ownNodeEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// marked is a node as it reports, with what people have said of it.
func (e *Engine) marked(item store.Item[*gpuagentv1.Node]) *gpuagentv1.Node {
	n := proto.CloneOf(item.Value)
	n.Metadata.ResourceVersion = item.Revision
	said, ok := e.marks.Get(item.Key)
	if !ok {
		return n
	}
	n.Status.Taints = append(n.Status.Taints, said.Value.GetTaints()...)
	n.Status.Cordoned, n.Status.CordonReason = said.Value.GetCordoned(), said.Value.GetCordonReason()
	for _, gpu := range n.GetStatus().GetGpus() {
		if gpu.GetProblem() == said.Value.GetCleared()[gpu.GetUuid()] {
			gpu.Problem = ""
		}
		if reason, withdrawn := said.Value.GetWithdrawn()[gpu.GetUuid()]; withdrawn && gpu.GetProblem() == "" {
			gpu.Problem = fmt.Sprintf("withdrawn: %s", reason)
			if reason == "" {
				gpu.Problem = "withdrawn"
			}
		}
	}
	return n
}

// observeMarks hears of what is said of nodes.
func (e *Engine) observeMarks(updates []store.Update[*gpuagentv1.NodeMarks]) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, u := range updates {
		if item, there := e.nodes.Get(u.Item.Key); there {
			e.enlist(item)
		}
	}
	if e.Ready() == nil {
		e.decide()
	}
}

// enlist tells the scheduler of a node. The engine is locked.
func (e *Engine) enlist(item store.Item[*gpuagentv1.Node]) {
	if item.Key == e.Node || item.Value.GetStatus().GetAgentAddress() != "" {
		e.scheduler.SetNode(seen(e.marked(item)))
	}
}
