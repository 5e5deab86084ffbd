package tree

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func task(id, parent, path string, kind pipelinev1.Task_Kind, state pipelinev1.RuntimeState) *pipelinev1.Task {
	return &pipelinev1.Task{
		Detail: &pipelinev1.PipelineTaskDetail{TaskId: id, ParentTaskId: parent, State: state, StartTime: timestamppb.New(now.Add(-time.Second))},
		Name:   path, Path: path, Kind: kind,
	}
}

func loop() []*pipelinev1.Task {
	const (
		dag, iteration, leaf = pipelinev1.Task_KIND_DAG, pipelinev1.Task_KIND_ITERATION, pipelinev1.Task_KIND_CONTAINER
		done, busy, waiting  = pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_RUNNING, pipelinev1.RuntimeState_PENDING
	)
	return []*pipelinev1.Task{
		task("root", "", "", dag, busy),
		task("load", "root", "load", leaf, done),
		task("l", "root", "loop", pipelinev1.Task_KIND_LOOP, busy),
		task("l0", "l", "loop[0]", iteration, done),
		task("l1", "l", "loop[1]", iteration, busy),
		task("t0", "l0", "loop[0]/train", leaf, done),
		task("t1", "l1", "loop[1]/train", leaf, busy),
		task("end", "root", "evaluate", leaf, waiting),
	}
}

func plain() *output.Terminal { return output.Captured(nil, nil, func() time.Time { return now }) }

func TestTreeOfALoop(t *testing.T) {
	lines := Draw(Rows(Build(loop()), now), plain(), Still)
	want := []string{
		"✓ load         1.00s",
		"● loop         1.00s",
		"  ✓ [0]        1.00s",
		"    ✓ train    1.00s",
		"  ● [1]        1.00s",
		"    ● train    1.00s",
		"○ evaluate     1.00s",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("tree is\n%s", strings.Join(lines, "\n"))
	}
}

func TestProgressCountsLeaves(t *testing.T) {
	if ended, total := Progress(Build(loop())); ended != 2 || total != 4 {
		t.Errorf("%d of %d, want 2 of 4", ended, total)
	}
}

func TestIterationsAreInOrder(t *testing.T) {
	tasks := []*pipelinev1.Task{task("l", "", "loop", pipelinev1.Task_KIND_LOOP, pipelinev1.RuntimeState_RUNNING)}
	for _, i := range []int{10, 0, 2} {
		path := fmt.Sprintf("loop[%d]", i)
		tasks = append(tasks, task(path, "l", path, pipelinev1.Task_KIND_ITERATION, pipelinev1.RuntimeState_RUNNING))
	}
	var labels []string
	for _, node := range Build(tasks)[0].Children {
		labels = append(labels, node.Label)
	}
	if !slices.Equal(labels, []string{"[0]", "[2]", "[10]"}) {
		t.Errorf("iterations are in the order %v", labels)
	}
}

func TestTaskWithUnknownParentIsShown(t *testing.T) {
	tasks := []*pipelinev1.Task{task("a", "gone", "x/a", pipelinev1.Task_KIND_CONTAINER, pipelinev1.RuntimeState_RUNNING)}
	if nodes := Build(tasks); len(nodes) != 1 || nodes[0].Label != "x/a" {
		t.Errorf("nodes are %+v", nodes)
	}
}

func TestNote(t *testing.T) {
	tests := []struct {
		task *pipelinev1.Task
		want string
	}{
		{&pipelinev1.Task{CachedFromRunId: "9f2a1c3e-0000-4000-8000-000000000001"}, "cached from run 9f2a1c3e"},
		{&pipelinev1.Task{Attempts: 2, Message: "waits 5 s\nthen goes on"}, "attempt 2, waits 5 s"},
		{&pipelinev1.Task{ExitCode: 3, Detail: &pipelinev1.PipelineTaskDetail{State: pipelinev1.RuntimeState_FAILED}}, "exit status 3"},
		{&pipelinev1.Task{Attempts: 1}, ""},
	}
	for _, tt := range tests {
		if got := Note(tt.task); got != tt.want {
			t.Errorf("note is %q, want %q", got, tt.want)
		}
	}
}

// TestFit checks, for any tree and height, that what is kept fits, keeps its
// order, brings its parents, and that no row that was left out matters more.
func TestFit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := Rows(Build(drawTasks(t)), now)
		height := rapid.IntRange(1, 30).Draw(t, "height")
		fitted := Fit(slices.Clone(rows), height)
		if len(fitted) > height {
			t.Fatalf("%d rows in a height of %d", len(fitted), height)
		}
		if len(rows) <= height {
			return
		}
		kept := fitted[:len(fitted)-1]
		at, worst := 0, 0
		for _, row := range kept {
			at += slices.IndexFunc(rows[at:], func(r Row) bool { return r.Label == row.Label })
			worst = max(worst, row.rank)
			for parent := at - 1; row.Depth > 0 && parent >= 0; parent-- {
				if rows[parent].Depth == row.Depth-1 {
					if !slices.ContainsFunc(kept, func(r Row) bool { return r.Label == rows[parent].Label }) {
						t.Fatalf("row %s is kept without its parent %s", row.Label, rows[parent].Label)
					}
					break
				}
			}
		}
		for _, row := range rows {
			if row.rank < worst && !slices.ContainsFunc(kept, func(r Row) bool { return r.Label == row.Label }) {
				t.Fatalf("row %s of rank %d was left out for one of rank %d", row.Label, row.rank, worst)
			}
		}
	})
}

// drawTasks makes tasks with labels that are unique over the tree.
func drawTasks(t *rapid.T) []*pipelinev1.Task {
	n := rapid.IntRange(0, 60).Draw(t, "tasks")
	tasks := make([]*pipelinev1.Task, n)
	for i := range tasks {
		parent := ""
		if i > 0 && rapid.Bool().Draw(t, "nested") {
			parent = fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "parent"))
		}
		state := pipelinev1.RuntimeState(rapid.IntRange(1, 8).Draw(t, "state"))
		tasks[i] = task(fmt.Sprint(i), parent, "", pipelinev1.Task_KIND_CONTAINER, state)
		tasks[i].Name = fmt.Sprintf("task-%d", i)
	}
	return tasks
}
