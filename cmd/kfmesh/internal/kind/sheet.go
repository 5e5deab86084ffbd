package kind

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// sheet collects the description of one resource: names and values, then
// sections.
type sheet struct {
	term *output.Terminal
	text strings.Builder
	err  error // the first that came up
}

// fields prints names and values in two columns. A value of "" or "-" is left
// out with its name.
func (s *sheet) fields(pairs ...[2]string) {
	table := output.Table{Uncut: true}
	for _, pair := range pairs {
		if pair[1] != "" && pair[1] != "-" {
			table.Rows = append(table.Rows, []output.Cell{
				{Text: pair[0], Style: output.Faint},
				{Text: pair[1], Style: output.StateStyle(pair[1])},
			})
		}
	}
	s.keep(table.Write(s.term, &s.text))
}

// lines prints a section of plain lines, unless there are none.
func (s *sheet) lines(heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	s.heading(heading)
	for _, line := range lines {
		s.text.WriteString("  " + line + "\n")
	}
}

// values prints a section of named values, sorted, unless there are none.
func (s *sheet) values(heading string, values map[string]*structpb.Value) {
	if len(values) == 0 {
		return
	}
	s.heading(heading)
	table := output.Table{Indent: "  ", Uncut: true}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		table.Add(name, valueText(values[name]))
	}
	s.keep(table.Write(s.term, &s.text))
}

// table prints a section with a table, unless it is empty.
func (s *sheet) table(heading string, table *output.Table) {
	if len(table.Rows) == 0 {
		return
	}
	s.heading(heading)
	table.Indent = "  "
	s.keep(table.Write(s.term, &s.text))
}

func (s *sheet) heading(text string) {
	s.text.WriteString("\n" + s.term.Paint(output.Strong, text) + "\n")
}

func (s *sheet) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

// print sends the description to the terminal.
func (s *sheet) print() error {
	_, err := io.WriteString(s.term.Out, s.text.String())
	s.keep(err)
	return s.err
}

// valueText is a value as people write it: text bare, the rest as JSON.
func valueText(value *structpb.Value) string {
	if text, ok := value.GetKind().(*structpb.Value_StringValue); ok {
		return text.StringValue
	}
	text, err := protojson.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}
