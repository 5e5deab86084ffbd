package ir

import (
	"fmt"
	"strings"
	"testing"
)

// nested is a pipeline of components in each other, each with width tasks.
func nested(depth, width int) string {
	var b strings.Builder
	b.WriteString("pipelineInfo: {name: p}\nschemaVersion: 2.1.0\ndeploymentSpec: {executors: {e: {container: {image: i}}}}\ncomponents:\n  c0: {executorLabel: e}\n")
	for level := range depth {
		name := fmt.Sprintf("  c%d", level+1)
		if level == depth-1 {
			name = "root"
		}
		b.WriteString(name + ": {dag: {tasks: {")
		for task := range width {
			fmt.Fprintf(&b, "t%d: {componentRef: {name: c%d}}, ", task, level)
		}
		b.WriteString("}}}\n")
	}
	return b.String()
}

func TestSize(t *testing.T) {
	for _, tt := range []struct {
		depth, width int
		refuse       bool
	}{{5, 10, false}, {6, 10, true}, {40, 10, true}, {1, 5000, false}} {
		err := Validate(parse(t, nested(tt.depth, tt.width)))
		if (err != nil) != tt.refuse || tt.refuse && !strings.Contains(err.Error(), "root.dag: has more than 1000000 tasks") {
			t.Errorf("%d levels of %d tasks: %v", tt.depth, tt.width, err)
		}
	}
}
