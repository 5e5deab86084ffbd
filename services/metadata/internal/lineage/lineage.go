// Package lineage walks the graph of what was made from what.
//
// The graph is bipartite: an execution read some artifacts and wrote others,
// and each such event is an edge. A walk goes breadth first, a whole frontier
// at a time, so its number of look-ups is its number of hops, however wide the
// graph. Every node is expanded once, so a cycle (an execution that writes what
// it reads) ends like any other path.
//
// The package is pure: whoever calls it says how to look a frontier up.
package lineage

import (
	"cmp"
	"slices"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// MaxNodes is how many artifacts and executions a walk may reach.
const MaxNodes = 10_000

// Direction of a walk.
type Direction int

// The directions.
const (
	Up   Direction = iota // from an artifact to the executions that wrote it and on to what they read
	Down                  // from an artifact to the executions that read it and on to what they wrote
)

// Event is an edge.
type Event struct {
	Execution, Artifact int64
	Output              bool
	Key                 string
	Index               int32
}

// compare puts events in a fixed order.
func compare(a, b Event) int {
	output := func(e Event) int {
		if e.Output {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(a.Execution, b.Execution),
		cmp.Compare(output(a), output(b)),
		cmp.Compare(a.Key, b.Key),
		cmp.Compare(a.Index, b.Index),
		cmp.Compare(a.Artifact, b.Artifact),
	)
}

// Lookup returns, for the executions that touch the artifacts on the near side
// of a direction (wrote them when going up, read them when going down), those
// near events and all of the executions' events on the far side.
type Lookup func(direction Direction, artifacts []int64) ([]Event, error)

// Graph is what a walk reached. Nodes are in the order in which they were
// reached, the start first; events are sorted by execution, inputs first.
type Graph struct {
	Artifacts  []int64
	Executions []int64
	Events     []Event
}

// Walk goes from an artifact in each direction and crosses at most hops
// executions on any path. It returns an Exhausted fault when that reaches more
// than MaxNodes nodes.
func Walk(start int64, directions []Direction, hops int, lookup Lookup) (*Graph, error) {
	w := &walk{graph: &Graph{Artifacts: []int64{start}}, artifacts: set{start: {}}, executions: set{}, events: map[Event]struct{}{}}
	for _, direction := range directions {
		if err := w.run([]int64{start}, set{start: {}}, direction, hops, lookup); err != nil {
			return nil, err
		}
	}
	return w.done(), nil
}

// WalkExecution is Walk from an execution, which counts as one that is crossed.
// touched are all of its events.
func WalkExecution(start int64, touched []Event, directions []Direction, hops int, lookup Lookup) (*Graph, error) {
	w := &walk{graph: &Graph{Executions: []int64{start}}, artifacts: set{}, executions: set{start: {}}, events: map[Event]struct{}{}}
	touched = slices.SortedFunc(slices.Values(touched), compare)
	for _, direction := range directions {
		far := slices.DeleteFunc(slices.Clone(touched), func(e Event) bool { return e.Output != (direction == Down) })
		expanded := set{}
		frontier := w.take(far, direction, expanded)
		if err := w.run(frontier, expanded, direction, hops-1, lookup); err != nil {
			return nil, err
		}
	}
	return w.done(), nil
}

// done is what the walk reached.
func (w *walk) done() *Graph {
	for event := range w.events {
		w.graph.Events = append(w.graph.Events, event)
	}
	slices.SortFunc(w.graph.Events, compare)
	return w.graph
}

type set map[int64]struct{}

// add reports whether the id is new.
func (s set) add(id int64) bool {
	_, known := s[id]
	s[id] = struct{}{}
	return !known
}

// walk is a walk under way.
type walk struct {
	graph                 *Graph
	artifacts, executions set // reached in any direction
	events                map[Event]struct{}
}

// run walks on from a frontier in one direction; expanded are the artifacts that
// were reached in it. What another direction reached is expanded again: a node may
// be both up and down of the start.
func (w *walk) run(frontier []int64, expanded set, direction Direction, hops int, lookup Lookup) error {
	for ; len(frontier) > 0 && hops > 0; hops-- {
		events, err := lookup(direction, frontier)
		if err != nil {
			return err
		}
		slices.SortFunc(events, compare)
		frontier = w.take(events, direction, expanded)
		if len(w.artifacts)+len(w.executions) > MaxNodes {
			return fault.Exhaustedf("the lineage has more than %d artifacts and executions; ask for one direction or fewer max_hops",
				MaxNodes).WithReason("LINEAGE_TOO_LARGE")
		}
	}
	return nil
}

// take adds what a look-up found and returns the artifacts to expand next.
func (w *walk) take(events []Event, direction Direction, expanded set) (frontier []int64) {
	for _, event := range events {
		w.events[event] = struct{}{}
		if w.executions.add(event.Execution) {
			w.graph.Executions = append(w.graph.Executions, event.Execution)
		}
		if w.artifacts.add(event.Artifact) {
			w.graph.Artifacts = append(w.graph.Artifacts, event.Artifact)
		}
		far := event.Output == (direction == Down)
		if far && expanded.add(event.Artifact) {
			frontier = append(frontier, event.Artifact)
		}
	}
	return frontier
}
