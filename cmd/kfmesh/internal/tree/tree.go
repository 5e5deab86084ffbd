// Package tree turns the tasks of a run into the tree that people see: nested
// pipelines, loops and their iterations, with state, duration and a word on why.
//
// It is pure: tasks in, rows out. Who prints them adds colour and place.
package tree

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Node is a task with the tasks below it, in order of creation.
type Node struct {
	Task     *pipelinev1.Task
	Label    string // its path below its parent, such as "train" or "[2]"
	Children []*Node
}

// Build arranges tasks, given in order of creation, below their parents and
// returns the topmost ones. The iterations of a loop are put in their own order.
// The task that stands for the whole pipeline is left out, for the run itself
// says as much; a task whose parent is not among the tasks is topmost.
func Build(tasks []*pipelinev1.Task) []*Node {
	nodes := make(map[string]*Node, len(tasks))
	for _, task := range tasks {
		nodes[task.GetDetail().GetTaskId()] = &Node{Task: task}
	}
	var top []*Node
	for _, task := range tasks {
		node := nodes[task.GetDetail().GetTaskId()]
		parent := nodes[task.GetDetail().GetParentTaskId()]
		if parent == nil || parent == node {
			node.Label = Label(task, "")
			top = append(top, node)
			continue
		}
		node.Label = Label(task, parent.Task.GetPath())
		parent.Children = append(parent.Children, node)
	}
	for _, node := range nodes {
		if node.Task.GetKind() == pipelinev1.Task_KIND_LOOP {
			slices.SortStableFunc(node.Children, func(a, b *Node) int { return cmp.Compare(iteration(a), iteration(b)) })
		}
	}
	return withoutRoot(top)
}

// iteration is the number of a loop's iteration, which is begun whenever there
// is room for it; -1 for what is none.
func iteration(node *Node) int {
	number, err := strconv.Atoi(strings.Trim(node.Label, "[]"))
	if err != nil {
		return -1
	}
	return number
}

// withoutRoot replaces the task of the whole pipeline by its children.
func withoutRoot(top []*Node) []*Node {
	if len(top) != 1 || !isRoot(top[0].Task) {
		return top
	}
	return top[0].Children
}

// isRoot reports whether a task stands for the whole pipeline.
func isRoot(task *pipelinev1.Task) bool {
	return task.GetKind() == pipelinev1.Task_KIND_DAG && task.GetDetail().GetParentTaskId() == "" &&
		!strings.Contains(task.GetPath(), "/")
}

// Label is what a task is called below a parent with the path.
func Label(task *pipelinev1.Task, parentPath string) string {
	if below, ok := strings.CutPrefix(task.GetPath(), parentPath); ok {
		if label := strings.TrimPrefix(below, "/"); label != "" {
			return label
		}
	}
	if task.GetName() != "" {
		return task.GetName()
	}
	return task.GetDetail().GetDisplayName()
}

// Path is the path of a task for people: its own, or its name when it has none.
func Path(task *pipelinev1.Task) string {
	if task.GetPath() != "" {
		return task.GetPath()
	}
	return Label(task, "")
}

// Leaf reports whether a task runs something itself rather than others.
func Leaf(task *pipelinev1.Task) bool {
	switch task.GetKind() {
	case pipelinev1.Task_KIND_DAG, pipelinev1.Task_KIND_LOOP, pipelinev1.Task_KIND_ITERATION:
		return false
	}
	return true
}

// Ended reports whether a run or task in the state has finished.
func Ended(state pipelinev1.RuntimeState) bool {
	switch state {
	case pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_FAILED,
		pipelinev1.RuntimeState_SKIPPED, pipelinev1.RuntimeState_CANCELED:
		return true
	}
	return false
}
