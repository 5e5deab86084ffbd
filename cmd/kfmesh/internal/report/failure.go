package report

import (
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Failures prints what failed: the run's own error when no task explains it,
// and for each failed task its exit status, why, the end of its log, and the
// command that shows all of it.
func Failures(term *output.Terminal, b *strings.Builder, run *pipelinev1.Run, tasks []*pipelinev1.Task) {
	failed := false
	for _, task := range tasks {
		if !tree.Leaf(task) || task.GetDetail().GetState() != pipelinev1.RuntimeState_FAILED {
			continue
		}
		failed = true
		failure(term, b, run, task)
	}
	if message := run.GetError().GetMessage(); !failed && message != "" {
		heading(term, b, "failed")
		fmt.Fprintf(b, "  %s\n", output.Clean(message))
	}
}

func failure(term *output.Terminal, b *strings.Builder, run *pipelinev1.Run, task *pipelinev1.Task) {
	fmt.Fprintf(b, "\n%s %s", term.Paint(output.Bad, "failed"), output.Clean(tree.Path(task)))
	if code := task.GetExitCode(); code != 0 {
		fmt.Fprintf(b, " with exit status %d", code)
	}
	b.WriteByte('\n')
	if message := tree.Message(task); message != "" && message != fmt.Sprintf("exit status %d", task.GetExitCode()) {
		for line := range strings.Lines(message) {
			fmt.Fprintf(b, "  %s\n", output.Clean(strings.TrimRight(line, "\n")))
		}
	}
	for _, line := range tail(task.GetLogTail(), tailLines) {
		fmt.Fprintf(b, "  %s %s\n", term.Paint(output.Faint, "|"), output.Clean(line))
	}
	fmt.Fprintf(b, "  all of it: kfmesh logs %s --task %s\n", output.ShortID(run.GetRunId()), ShellWord(tree.Path(task)))
}

// tail is the last n lines of text.
func tail(text string, n int) []string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return nil
	}
	lines := strings.Split(text, "\n")
	return lines[max(0, len(lines)-n):]
}

// ShellWord quotes a word that a shell would take apart, such as a path with
// brackets.
func ShellWord(word string) string {
	if strings.ContainsAny(word, " \t[]{}()*?$&|;<>'\"\\`~!#") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
