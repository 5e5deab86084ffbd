// Package report prints how a run went: its metrics, its artifacts and what
// failed, with the commands that show more. It is pure but for the writer.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// tailLines is how much of a failed task's log is shown.
const tailLines = 12

// longestName is how much of a run's name the headline shows.
const longestName = 60

// Run prints the outcome of a run in one line, then metrics, artifacts and
// failures, each only when there are any.
func Run(term *output.Terminal, w io.Writer, run *pipelinev1.Run, tasks []*pipelinev1.Task) error {
	var b strings.Builder
	Headline(term, &b, run, tasks)
	if err := Metrics(term, &b, tasks); err != nil {
		return err
	}
	if err := Artifacts(term, &b, tasks); err != nil {
		return err
	}
	Failures(term, &b, run, tasks)
	_, err := io.WriteString(w, b.String())
	return err
}

// Headline prints name, id, state, duration and how many tasks have ended.
func Headline(term *output.Terminal, b *strings.Builder, run *pipelinev1.Run, tasks []*pipelinev1.Task) {
	state := tree.StateName(run.GetState())
	ended, total := tree.Progress(tree.Build(tasks))
	fmt.Fprintf(b, "run %s (%s) %s", output.Clip(output.Clean(run.GetDisplayName()), longestName), output.ShortID(run.GetRunId()),
		term.Paint(output.StateStyle(state), state))
	if tree.Ended(run.GetState()) {
		fmt.Fprintf(b, " in %s", output.Elapsed(run.GetCreatedAt(), run.GetFinishedAt(), term.Now()))
	}
	if total > 0 {
		fmt.Fprintf(b, ", %d of %s", ended, output.Count(total, "task"))
	}
	b.WriteByte('\n')
}

// Artifacts prints where the artifacts are that the tasks of a run wrote.
func Artifacts(term *output.Terminal, b *strings.Builder, tasks []*pipelinev1.Task) error {
	table := output.Table{Headings: []string{"ARTIFACT", "TYPE", "ID", "WHERE"}, Indent: "  ", Uncut: true}
	for _, task := range tasks {
		if !tree.Leaf(task) {
			continue
		}
		for _, artifact := range task.GetOutputArtifacts() {
			table.Add(tree.Path(task)+"/"+key(artifact), artifact.GetType(), number(artifact), place(artifact))
		}
	}
	if len(table.Rows) == 0 {
		return nil
	}
	heading(term, b, "artifacts")
	return table.Write(term, b)
}

func key(artifact *pipelinev1.TaskArtifact) string {
	if artifact.GetIndex() > 0 {
		return fmt.Sprintf("%s[%d]", artifact.GetKey(), artifact.GetIndex())
	}
	return artifact.GetKey()
}

func number(artifact *pipelinev1.TaskArtifact) string {
	if artifact.GetArtifactId() == 0 {
		return "-"
	}
	return fmt.Sprint(artifact.GetArtifactId())
}

func place(artifact *pipelinev1.TaskArtifact) string {
	if artifact.GetUri() == "" {
		return "-"
	}
	return artifact.GetUri()
}

func heading(term *output.Terminal, b *strings.Builder, text string) {
	b.WriteString("\n" + term.Paint(output.Strong, text) + "\n")
}
