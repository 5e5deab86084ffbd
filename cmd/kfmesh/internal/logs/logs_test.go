package logs

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

func printer(prefix bool) (*Printer, *bytes.Buffer) {
	var out bytes.Buffer
	return NewPrinter(output.Captured(&out, &out, time.Now), prefix), &out
}

func TestWithoutPrefixBytesPassThrough(t *testing.T) {
	p, out := printer(false)
	for _, piece := range []string{"a\x1b[1m", "b\r", "\xff"} {
		if err := p.Print("x", []byte(piece)); err != nil {
			t.Fatal(err)
		}
	}
	if got := out.String(); got != "a\x1b[1mb\r\xff" {
		t.Errorf("printed %q", got)
	}
}

func TestVeryLongLineIsPrintedInParts(t *testing.T) {
	p, out := printer(true)
	if err := p.Print("x", bytes.Repeat([]byte("a"), maxLine+1)); err != nil {
		t.Fatal(err)
	}
	if out.Len() == 0 {
		t.Error("a line without an end is held back for ever")
	}
}

// TestLinesStayWhole checks, for output cut anywhere and mixed in any way, that
// each source's lines come out whole and in order.
func TestLinesStayWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sources := []string{"a", "b", "c"}
		p, out := printer(true)
		written := map[string]string{}
		for range rapid.IntRange(0, 30).Draw(t, "pieces") {
			source := rapid.SampledFrom(sources).Draw(t, "source")
			piece := rapid.StringMatching(`[xy\n]{0,6}`).Draw(t, "piece")
			written[source] += piece
			if err := p.Print(source, []byte(piece)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		printed := map[string]string{}
		for line := range strings.Lines(out.String()) {
			source, text, ok := strings.Cut(line, " | ")
			if !ok {
				t.Fatalf("line %q names no source", line)
			}
			printed[source] += text
		}
		for _, source := range sources {
			want := written[source]
			if want != "" && !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			if printed[source] != want {
				t.Fatalf("%s wrote %q, printed %q", source, want, printed[source])
			}
		}
	})
}
