package dag

import (
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// phase is where a node is in its life. It only grows.
type phase int

const (
	blocked  phase = iota // waits for upstream tasks, or for its turn in a loop
	queued                // may be decided
	open                  // a composite with children, or a leaf with an attempt
	stopping              // a leaf that is being stopped
	settled               // ended
)

// node is a task of the run.
type node struct {
	id, name, path string
	kind           pipelinev1.Task_Kind
	parent         *node
	index          int      // among the parent's children
	task           *ir.Task // nil for the root
	component      *ir.Component

	phase    phase
	state    pipelinev1.RuntimeState
	inputs   ir.Values
	outputs  ir.Values
	message  string
	created  time.Time
	started  time.Time
	ended    time.Time
	history  []stamp
	past     []stamp // history from before a crash that was not replayed yet
	recorded int64   // number of its execution in the metadata service
	retrial          // what the last retry of the run made of it

	waits     int // upstream tasks that have not ended
	composite     // of DAGs, loops and iterations that are DAGs
	leaf          // of all others
}

// composite is the state of a node with children.
type composite struct {
	graph    *graph  // of a DAG
	children []*node // in the graph's order, or of a loop by iteration
	pending  int     // children that have not ended
	canceled int     // children that were canceled
	failures int     // leaves below that failed
	culprit  *node   // the first of them
	loop     *loop
}

// leaf is the state of a node that runs.
type leaf struct {
	executor   *ir.Executor
	attempt    int
	earlier    int // attempts made before the run was last retried
	exitCode   int32
	logTail    string
	workload   string
	failed     []string // workloads of the attempts before, and of this one if it failed
	cachedFrom Reused
	warnings   []string
}

// stamp is a state and when it was entered.
type stamp struct {
	at    time.Time
	state pipelinev1.RuntimeState
}

// isLeaf reports whether the node itself runs.
func (n *node) isLeaf() bool {
	return n.kind == pipelinev1.Task_KIND_CONTAINER || n.kind == pipelinev1.Task_KIND_IMPORTER
}

// sibling returns the task of that name in the same DAG, nil if there is none.
func (n *node) sibling(name string) *node {
	if n.parent == nil || n.parent.graph == nil {
		return nil
	}
	if i, ok := n.parent.graph.index[name]; ok {
		return n.parent.children[i]
	}
	return nil
}

// isIteration reports whether the node is one round of a loop.
func (n *node) isIteration() bool {
	return n.parent != nil && n.parent.kind == pipelinev1.Task_KIND_LOOP
}

// iterates reports whether the node is a loop.
func (n *node) iterates() bool {
	return n.task != nil && !n.isIteration() && (n.task.ParameterIterator != nil || n.task.ArtifactIterator != nil)
}

// enter moves the node to a state and returns when it entered it: before the
// crash, if it did so then.
func (n *node) enter(state pipelinev1.RuntimeState, at time.Time) time.Time {
	if n.state == state && len(n.history) > 0 {
		return n.history[len(n.history)-1].at
	}
	n.state = state
	for i, s := range n.past {
		if s.state == state {
			n.history = append(n.history, n.past[:i+1]...)
			n.past = n.past[i+1:]
			return s.at
		}
	}
	n.history = append(n.history, stamp{at: at, state: state})
	return at
}
