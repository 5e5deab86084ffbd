package output

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func terminal(width int, colour bool) (*Terminal, *bytes.Buffer) {
	var out bytes.Buffer
	term := Captured(&out, &out, time.Now)
	term.Live, term.Colour = true, colour
	term.Size = func() (int, int) { return width, 20 }
	return term, &out
}

func TestTableAlignsWhatIsColoured(t *testing.T) {
	term, out := terminal(80, true)
	table := Table{Headings: []string{"NAME", "STATE", "AGE"}}
	table.Rows = append(table.Rows, []Cell{{Text: "é"}, {Text: "FAILED", Style: Bad}, {Text: "1s"}})
	table.Add("longer", "OK", "2s")
	if err := table.Write(term, out); err != nil {
		t.Fatal(err)
	}
	plain := out.String()
	for _, sequence := range append(sequences[1:], reset) {
		plain = strings.ReplaceAll(plain, sequence, "")
	}
	const want = "NAME     STATE    AGE\né        FAILED   1s\nlonger   OK       2s\n"
	if plain != want {
		t.Errorf("table is\n%s\nwant\n%s", plain, want)
	}
	if !strings.Contains(out.String(), "\x1b[31mFAILED\x1b[0m") {
		t.Errorf("FAILED is not red: %q", out)
	}
}

func TestTableCutsTheLastColumnAtTheEdge(t *testing.T) {
	term, out := terminal(12, false)
	table := Table{}
	table.Add("ab", "a long text")
	if err := table.Write(term, out); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "ab   a long…\n" {
		t.Errorf("row is %q", got)
	}
}

func TestNothingDrivesTheTerminal(t *testing.T) {
	term, out := terminal(80, false)
	table := Table{}
	table.Add("evil\x1b[2Jname\nline", "x")
	if err := table.Write(term, out); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(strings.TrimSuffix(out.String(), "\n"), "\x1b\n") {
		t.Errorf("row is %q", out)
	}
}

func TestNoColourMeansNoSequences(t *testing.T) {
	term, _ := terminal(80, false)
	if got := term.Paint(Bad, "x"); got != "x" {
		t.Errorf("painted %q", got)
	}
}

// Names come from pipelines, and U+009B begins a terminal's commands as well as
// ESC [ does.
func TestCleanLeavesNothingThatDrivesATerminal(t *testing.T) {
	t.Parallel()
	if got, want := Clean("a\x1b[2Jb\u009b2Jc\x7f\nd é"), "a [2Jb 2Jc  d é"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
