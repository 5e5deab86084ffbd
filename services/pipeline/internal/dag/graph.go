package dag

import (
	"slices"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// graph is what does not change about a DAG: its tasks in a fixed order and who
// waits for whom. Every node that runs the DAG shares it.
type graph struct {
	names      []string // sorted
	tasks      []*ir.Task
	index      map[string]int
	upstream   [][]int // by task, sorted
	downstream [][]int
}

func newGraph(d *ir.DAG) *graph {
	g := &graph{index: make(map[string]int, len(d.Tasks))}
	for name := range d.Tasks {
		g.names = append(g.names, name)
	}
	slices.Sort(g.names)
	for i, name := range g.names {
		task := d.Tasks[name]
		g.tasks = append(g.tasks, &task)
		g.index[name] = i
	}
	g.upstream = make([][]int, len(g.names))
	g.downstream = make([][]int, len(g.names))
	for i, task := range g.tasks {
		g.upstream[i] = g.upstreamOf(task)
		for _, u := range g.upstream[i] {
			g.downstream[u] = append(g.downstream[u], i)
		}
	}
	return g
}

// upstreamOf returns the tasks that must end before the task may start. They
// are sorted, as the names are.
func (g *graph) upstreamOf(task *ir.Task) []int {
	var up []int
	for _, name := range task.Upstream() {
		if i, ok := g.index[name]; ok {
			up = append(up, i)
		}
	}
	return up
}
