package follow

import (
	"fmt"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/report"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
)

// Screen shows a run as a tree that is redrawn in place.
type Screen struct {
	term  *output.Terminal
	now   Snapshot
	drawn int // lines on the terminal that are ours
	spin  int
	lost  bool
}

// NewScreen returns a view for a live terminal.
func NewScreen(term *output.Terminal) *Screen { return &Screen{term: term} }

// Show draws the run.
func (s *Screen) Show(now Snapshot) {
	s.now, s.lost = now, false
	s.draw()
}

// Tick moves spinners and clocks on.
func (s *Screen) Tick() {
	s.spin++
	if s.now.Run != nil {
		s.draw()
	}
}

// Lost shows that what is on the screen may be out of date.
func (s *Screen) Lost(error) {
	s.lost = true
	s.draw()
}

// Close wipes the headline, which the report prints again, and leaves the tree.
func (s *Screen) Close() {
	if s.drawn == 0 {
		return
	}
	nodes := tree.Build(s.now.Tasks)
	rows := tree.Fit(tree.Rows(nodes, s.term.Now()), longestTree)
	s.replace(tree.Draw(rows, s.term, tree.Still))
	s.drawn = 0
}

// longestTree is how many rows of a run that ended are left on the terminal.
const longestTree = 200

const (
	clearLine  = "\x1b[2K"
	clearBelow = "\x1b[J"
)

func (s *Screen) draw() {
	nodes := tree.Build(s.now.Tasks)
	_, height := s.term.Size()
	rows := tree.Fit(tree.Rows(nodes, s.term.Now()), height-3)
	s.replace(append([]string{s.headline()}, tree.Draw(rows, s.term, s.spin)...))
}

func (s *Screen) headline() string {
	if s.now.Run == nil {
		return "waiting for the server"
	}
	var b strings.Builder
	report.Headline(s.term, &b, s.now.Run, s.now.Tasks)
	line := strings.TrimSuffix(b.String(), "\n")
	if !tree.Ended(s.now.Run.GetState()) {
		line += ", " + output.Elapsed(s.now.Run.GetCreatedAt(), nil, s.term.Now())
	}
	if s.lost {
		line += "  " + s.term.Paint(output.Waiting, "(server out of reach, trying again)")
	}
	return line
}

// replace draws lines over those drawn before. Lines are written one by one
// over the old ones, not after a clear, so that nothing flickers.
func (s *Screen) replace(lines []string) {
	var b strings.Builder
	if s.drawn > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", s.drawn)
	}
	for _, line := range lines {
		b.WriteString("\r" + clearLine + line + "\n")
	}
	b.WriteString(clearBelow)
	fmt.Fprint(s.term.Out, b.String())
	s.drawn = len(lines)
}
