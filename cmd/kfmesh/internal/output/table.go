package output

import (
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Cell is one entry of a table.
type Cell struct {
	Text  string
	Style Style
}

// Table is rows under headings, aligned in columns.
type Table struct {
	Headings []string
	Rows     [][]Cell
	// Indent goes before every line.
	Indent string
	// Uncut keeps the last column whole even where it is wider than the terminal.
	Uncut bool
}

const gutter = "   "

// Add appends a row of unstyled cells.
func (t *Table) Add(texts ...string) {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i] = Cell{Text: text}
	}
	t.Rows = append(t.Rows, row)
}

// Write prints the table. A table without headings prints its rows alone. On
// a live terminal the last column is cut at the right edge unless Uncut.
func (t *Table) Write(term *Terminal, w io.Writer) error {
	widths := t.widths()
	var b strings.Builder
	if len(t.Headings) > 0 {
		heads := make([]Cell, len(t.Headings))
		for i, h := range t.Headings {
			heads[i] = Cell{Text: h, Style: Strong}
		}
		t.line(&b, term, heads, widths)
	}
	for _, row := range t.Rows {
		t.line(&b, term, row, widths)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) widths() []int {
	widths := make([]int, len(t.Headings))
	for i, h := range t.Headings {
		widths[i] = utf8.RuneCountInString(h)
	}
	for _, row := range t.Rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell.Text))
		}
	}
	return widths
}

func (t *Table) line(b *strings.Builder, term *Terminal, row []Cell, widths []int) {
	for len(row) > 0 && row[len(row)-1].Text == "" {
		row = row[:len(row)-1]
	}
	b.WriteString(t.Indent)
	at := utf8.RuneCountInString(t.Indent)
	for i, cell := range row {
		text := Clean(cell.Text)
		if i < len(row)-1 {
			b.WriteString(term.Paint(cell.Style, text))
			b.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text)))
			b.WriteString(gutter)
			at += widths[i] + len(gutter)
			continue
		}
		if width, _ := term.Size(); term.Live && !t.Uncut && at < width {
			text = Clip(text, width-at)
		}
		b.WriteString(term.Paint(cell.Style, text))
	}
	b.WriteByte('\n')
}

// Clean makes text safe to show on one line: control characters, which could
// break a table or drive the terminal, become spaces, rune for rune.
func Clean(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
}
