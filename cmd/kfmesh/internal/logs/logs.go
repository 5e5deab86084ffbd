// Package logs puts output that arrives in pieces from many sources together
// again: whole lines, each behind the name of who wrote it.
package logs

import (
	"bytes"
	"fmt"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// maxLine is how much of a line is held back while its end has not arrived.
const maxLine = 64 << 10

// Printer prints pieces of output. Lines of different sources are never mixed;
// a line is printed once it is complete. It is for one goroutine.
type Printer struct {
	term    *output.Terminal
	prefix  bool
	pending map[string]*bytes.Buffer // started lines by source
	order   []string                 // sources as they appeared
	silent  bool                     // nothing has come yet
}

// NewPrinter returns a printer to the terminal's output; prefix says that lines
// carry the name of their source.
func NewPrinter(term *output.Terminal, prefix bool) *Printer {
	return &Printer{term: term, prefix: prefix, pending: map[string]*bytes.Buffer{}, silent: true}
}

// Print takes a piece of what a source wrote. Without prefixes pieces are
// passed on as they come.
func (p *Printer) Print(source string, data []byte) error {
	p.silent = p.silent && len(data) == 0
	if !p.prefix {
		_, err := p.term.Out.Write(data)
		return err
	}
	buffer := p.buffer(source)
	for len(data) > 0 {
		end := bytes.IndexByte(data, '\n')
		if end < 0 {
			buffer.Write(data)
			break
		}
		buffer.Write(data[:end])
		data = data[end+1:]
		if err := p.flush(source, buffer); err != nil {
			return err
		}
	}
	if buffer.Len() > maxLine {
		return p.flush(source, buffer)
	}
	return nil
}

// Silent reports whether nothing was written at all.
func (p *Printer) Silent() bool { return p.silent }

// Close prints the lines that never ended.
func (p *Printer) Close() error {
	for _, source := range p.order {
		if buffer := p.pending[source]; buffer.Len() > 0 {
			if err := p.flush(source, buffer); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Printer) buffer(source string) *bytes.Buffer {
	buffer, ok := p.pending[source]
	if !ok {
		buffer = &bytes.Buffer{}
		p.pending[source] = buffer
		p.order = append(p.order, source)
	}
	return buffer
}

func (p *Printer) flush(source string, line *bytes.Buffer) error {
	_, err := fmt.Fprintf(p.term.Out, "%s %s\n", p.term.Paint(p.style(source), source+" |"), line.Bytes())
	line.Reset()
	return err
}

// style tells neighbouring sources apart.
func (p *Printer) style(source string) output.Style {
	styles := [...]output.Style{output.Busy, output.Good, output.Waiting, output.Strong}
	for i, known := range p.order {
		if known == source {
			return styles[i%len(styles)]
		}
	}
	return output.Plain
}
