// Package lineage draws what an artifact was made from and what was made from
// it, as an indented tree. It is pure.
package lineage

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Graph is a part of the lineage graph, indexed.
type Graph struct {
	artifacts  map[int64]*metadatav1.Artifact
	executions map[int64]*metadatav1.Execution
	events     []*metadatav1.Event
}

// New indexes an answer of the metadata service.
func New(reached *metadatav1.GetLineageResponse) *Graph {
	g := &Graph{
		artifacts:  map[int64]*metadatav1.Artifact{},
		executions: map[int64]*metadatav1.Execution{},
		events:     reached.GetEvents(),
	}
	for _, a := range reached.GetArtifacts() {
		g.artifacts[a.GetArtifactId()] = a
	}
	for _, e := range reached.GetExecutions() {
		g.executions[e.GetExecutionId()] = e
	}
	return g
}

// direction is which events lead on from an artifact, and which from the
// executions they lead to.
type direction struct{ toExecution, toArtifact metadatav1.Event_Type }

// Up lists, line by line, what the artifact was made by and from, and so on up.
func (g *Graph) Up(artifactID int64) []string {
	return g.walk(artifactID, direction{metadatav1.Event_TYPE_OUTPUT, metadatav1.Event_TYPE_INPUT})
}

// Down lists what used the artifact and what came of it, and so on down.
func (g *Graph) Down(artifactID int64) []string {
	return g.walk(artifactID, direction{metadatav1.Event_TYPE_INPUT, metadatav1.Event_TYPE_OUTPUT})
}

// UpFrom lists what an execution read and what that was made by, and so on up.
func (g *Graph) UpFrom(executionID int64) []string {
	return g.walkFrom(executionID, direction{metadatav1.Event_TYPE_OUTPUT, metadatav1.Event_TYPE_INPUT})
}

// DownFrom lists what an execution wrote and what used that, and so on down.
func (g *Graph) DownFrom(executionID int64) []string {
	return g.walkFrom(executionID, direction{metadatav1.Event_TYPE_INPUT, metadatav1.Event_TYPE_OUTPUT})
}

// Title is the line of what a walk started from.
func (g *Graph) Title(from *metadatav1.GetLineageRequest) string {
	if a := g.artifacts[from.GetArtifactId()]; a != nil {
		return output.Clean(artifactLine(a.GetName(), a))
	}
	if e := g.executions[from.GetExecutionId()]; e != nil {
		return output.Clean(executionLine(e))
	}
	return ""
}

func (g *Graph) walkFrom(executionID int64, way direction) []string {
	w := walker{graph: g, way: way, seen: map[int64]bool{executionID: true}}
	w.fromExecution(executionID, 0)
	return w.lines
}

func (g *Graph) walk(artifactID int64, way direction) []string {
	w := walker{graph: g, way: way, seen: map[int64]bool{}}
	w.fromArtifact(artifactID, 0)
	return w.lines
}

type walker struct {
	graph *Graph
	way   direction
	seen  map[int64]bool // executions that were drawn
	lines []string
}

func (w *walker) fromArtifact(id int64, depth int) {
	for _, executionID := range w.executionsOf(id) {
		execution := w.graph.executions[executionID]
		if execution == nil {
			continue
		}
		line := executionLine(execution)
		if w.seen[executionID] {
			w.add(depth, line+", as above")
			continue
		}
		w.seen[executionID] = true
		w.add(depth, line)
		w.fromExecution(executionID, depth+1)
	}
}

func (w *walker) fromExecution(executionID int64, depth int) {
	for _, event := range w.graph.events {
		if event.GetExecutionId() != executionID || event.GetType() != w.way.toArtifact {
			continue
		}
		if artifact := w.graph.artifacts[event.GetArtifactId()]; artifact != nil {
			w.add(depth, artifactLine(event.GetKey(), artifact))
			w.fromArtifact(artifact.GetArtifactId(), depth+1)
		}
	}
}

// executionsOf lists the executions next to an artifact. One that only reused
// the artifact from the cache did not make it, and is left out where the maker
// is known.
func (w *walker) executionsOf(artifactID int64) []int64 {
	var made, reused []int64
	for _, event := range w.graph.events {
		if event.GetArtifactId() != artifactID || event.GetType() != w.way.toExecution {
			continue
		}
		cached := w.graph.executions[event.GetExecutionId()].GetState() == metadatav1.Execution_STATE_CACHED
		if cached && event.GetType() == metadatav1.Event_TYPE_OUTPUT {
			reused = append(reused, event.GetExecutionId())
			continue
		}
		made = append(made, event.GetExecutionId())
	}
	if len(made) == 0 {
		made = reused
	}
	slices.Sort(made)
	return slices.Compact(made)
}

func (w *walker) add(depth int, line string) {
	w.lines = append(w.lines, strings.Repeat("  ", depth)+output.Clean(line))
}

func executionLine(e *metadatav1.Execution) string {
	line := fmt.Sprintf("%s, execution %d %s", e.GetName(), e.GetExecutionId(),
		strings.TrimPrefix(e.GetState().String(), "STATE_"))
	if e.GetContext() != "" {
		line += " in run " + output.ShortID(e.GetContext())
	}
	return line
}

func artifactLine(key string, a *metadatav1.Artifact) string {
	line := fmt.Sprintf("%s: artifact %d %s", key, a.GetArtifactId(), a.GetType())
	if a.GetUri() != "" {
		line += " at " + a.GetUri()
	}
	return line
}
