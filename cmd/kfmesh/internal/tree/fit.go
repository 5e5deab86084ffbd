package tree

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// Fit returns at most height rows. When there are more, what matters most is
// kept in its order (failed, then running, then waiting, then done), and a last
// row counts the others.
func Fit(rows []Row, height int) []Row {
	if len(rows) <= height {
		return rows
	}
	keep := max(height-1, 0)
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(rows[a].rank, rows[b].rank) })
	kept, hidden := order[:keep], order[keep:]
	slices.Sort(kept)
	fitted := make([]Row, 0, keep+1)
	for _, i := range kept {
		fitted = append(fitted, rows[i])
	}
	return append(fitted, Row{Label: "… " + count(rows, hidden), Summary: true})
}

// count says how many of the rows are in which state, in order of appearance.
func count(rows []Row, which []int) string {
	var states []string
	counts := map[string]int{}
	for _, i := range which {
		state := strings.ToLower(rows[i].State)
		if counts[state] == 0 {
			states = append(states, state)
		}
		counts[state]++
	}
	parts := make([]string, len(states))
	for i, state := range states {
		parts[i] = fmt.Sprintf("%d %s", counts[state], state)
	}
	return "and " + strings.Join(parts, ", ")
}

// Progress counts the tasks that run something, in all and ended.
func Progress(nodes []*Node) (ended, total int) {
	for _, node := range nodes {
		below, of := Progress(node.Children)
		ended, total = ended+below, total+of
		if !Leaf(node.Task) {
			continue
		}
		total++
		if Ended(node.Task.GetDetail().GetState()) {
			ended++
		}
	}
	return ended, total
}

// Draw prints rows as text, glyph and label first, durations in a column.
// spin chooses the glyph of what runs.
func Draw(rows []Row, term *output.Terminal, spin int) []string {
	width := 0
	for _, row := range rows {
		if !row.Summary {
			width = max(width, 2*row.Depth+len([]rune(row.Label)))
		}
	}
	lines := make([]string, len(rows))
	for i, row := range rows {
		lines[i] = draw(row, term, width, spin)
	}
	return lines
}

func draw(row Row, term *output.Terminal, width, spin int) string {
	indent := strings.Repeat("  ", row.Depth)
	if row.Summary {
		return term.Paint(output.Faint, row.Label)
	}
	style := output.StateStyle(row.State)
	columns, _ := term.Size()
	pad := width - len([]rune(indent+row.Label))
	text := fmt.Sprintf("%s%s  %7s", row.Label, strings.Repeat(" ", pad), row.Elapsed)
	if row.Note != "" {
		text += "  " + row.Note
	}
	text = strings.TrimRight(output.Clean(text), " ")
	if term.Live {
		text = output.Clip(text, columns-len(indent)-3)
	}
	return indent + term.Paint(style, glyph(row.State, spin)) + " " + text
}

// Still as spin draws what runs with a glyph that does not move.
const Still = -1

var spinner = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

func glyph(state string, spin int) string {
	switch state {
	case "SUCCEEDED":
		return "✓"
	case "FAILED":
		return "✗"
	case "SKIPPED":
		return "–"
	case "CANCELED", "CANCELING":
		return "■"
	case "RUNNING":
		if spin < 0 {
			return "●"
		}
		return string(spinner[spin%len(spinner)])
	}
	return "○"
}
