package kind

import (
	"fmt"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// warningsOf are the warnings of tasks, each with the first task that it is of and
// how many more there are: the iterations of a loop all say the same.
func warningsOf(tasks []*pipelinev1.Task) []string {
	var sentences []string
	of := map[string][]string{} // paths of tasks by sentence
	for _, task := range tasks {
		for _, sentence := range task.GetWarnings() {
			if of[sentence] == nil {
				sentences = append(sentences, sentence)
			}
			of[sentence] = append(of[sentence], tree.Path(task))
		}
	}
	lines := make([]string, len(sentences))
	for i, sentence := range sentences {
		who := of[sentence][0]
		if more := len(of[sentence]) - 1; more > 0 {
			who = fmt.Sprintf("%s and %d more", who, more)
		}
		lines[i] = output.Clean(who + ": " + sentence)
	}
	return lines
}
