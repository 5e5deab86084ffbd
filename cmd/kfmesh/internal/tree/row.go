package tree

import (
	"fmt"
	"strings"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Row is one line of the tree.
type Row struct {
	Depth   int
	Label   string
	State   string
	Elapsed string // "" until the task has started
	Note    string // why it waits, was skipped or failed; how often it was tried
	Summary bool   // stands for rows that were left out; only Label counts
	rank    int    // how much it matters: 0 most
}

// Rows lays nodes out, parents before children.
func Rows(nodes []*Node, now time.Time) []Row {
	var rows []Row
	for _, node := range nodes {
		rows, _ = appendRows(rows, node, 0, now)
	}
	return rows
}

// appendRows adds a node and what is below it; the rank of a parent is the best
// of its own and its children's, so that no row outlives its parents.
func appendRows(rows []Row, node *Node, depth int, now time.Time) ([]Row, int) {
	at := len(rows)
	rows = append(rows, row(node, depth, now))
	best := rows[at].rank
	for _, child := range node.Children {
		var rank int
		rows, rank = appendRows(rows, child, depth+1, now)
		best = min(best, rank)
	}
	rows[at].rank = best
	return rows, best
}

func row(node *Node, depth int, now time.Time) Row {
	detail := node.Task.GetDetail()
	elapsed := ""
	if output.IsSet(detail.GetStartTime()) && detail.GetState() != pipelinev1.RuntimeState_SKIPPED {
		elapsed = output.Elapsed(detail.GetStartTime(), detail.GetEndTime(), now)
	}
	return Row{
		Depth:   depth,
		Label:   node.Label,
		State:   StateName(detail.GetState()),
		Elapsed: elapsed,
		Note:    Note(node.Task),
		rank:    rank(detail.GetState()),
	}
}

// StateName is a state as people read it.
func StateName(state pipelinev1.RuntimeState) string {
	if state == pipelinev1.RuntimeState_RUNTIME_STATE_UNSPECIFIED {
		return pipelinev1.RuntimeState_PENDING.String()
	}
	return state.String()
}

// Note says what a state alone does not: "cached", "attempt 2", the exit
// status, why it waits.
func Note(task *pipelinev1.Task) string {
	var notes []string
	if task.GetCachedFromRunId() != "" {
		notes = append(notes, "cached from run "+output.ShortID(task.GetCachedFromRunId()))
	}
	if task.GetAttempts() > 1 {
		notes = append(notes, fmt.Sprintf("attempt %d", task.GetAttempts()))
	}
	if message := firstLine(Message(task)); message != "" {
		notes = append(notes, message)
	}
	return strings.Join(notes, ", ")
}

// Message is why a task failed, waits or was skipped, in the server's words; a
// failure without words is at least given its exit status.
func Message(task *pipelinev1.Task) string {
	if task.GetMessage() != "" {
		return task.GetMessage()
	}
	if message := task.GetDetail().GetError().GetMessage(); message != "" {
		return message
	}
	if task.GetDetail().GetState() == pipelinev1.RuntimeState_FAILED && task.GetExitCode() != 0 {
		return fmt.Sprintf("exit status %d", task.GetExitCode())
	}
	return ""
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}

// rank orders states by how much somebody who watches wants to see them.
func rank(state pipelinev1.RuntimeState) int {
	switch state {
	case pipelinev1.RuntimeState_FAILED:
		return 0
	case pipelinev1.RuntimeState_RUNNING, pipelinev1.RuntimeState_CANCELING, pipelinev1.RuntimeState_PAUSED:
		return 1
	case pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_CANCELED, pipelinev1.RuntimeState_SKIPPED:
		return 3
	}
	return 2
}
