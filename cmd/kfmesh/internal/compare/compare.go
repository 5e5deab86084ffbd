// Package compare lays the parameters and metrics of runs side by side. It is pure
// but for the writing.
package compare

import (
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
)

// Run is what is compared of a run.
type Run struct {
	ID      string
	Name    string
	Status  string
	Params  map[string]string
	Metrics map[string]string // as text, which NaN has too
}

// Tracked makes a Run of a tracked one and those nested in it, whose metrics and
// parameters go by their names. Where several are of one name they are numbered.
func Tracked(parent *metadatav1.TrackingRun, nested []*metadatav1.TrackingRun) Run {
	info := parent.GetInfo()
	r := Run{
		ID: info.GetRunId(), Name: info.GetRunName(), Status: strings.TrimPrefix(info.GetStatus().String(), "STATUS_"),
		Params: map[string]string{}, Metrics: map[string]string{},
	}
	r.take("", parent)
	names := map[string]int{}
	for _, n := range nested {
		names[n.GetInfo().GetRunName()]++
	}
	seen := map[string]int{}
	for _, n := range nested {
		name := n.GetInfo().GetRunName()
		seen[name]++
		if names[name] > 1 {
			name += "[" + strconv.Itoa(seen[name]) + "]"
		}
		r.take(name+"/", n)
	}
	return r
}

func (r Run) take(prefix string, run *metadatav1.TrackingRun) {
	for _, p := range run.GetParams() {
		r.Params[prefix+p.GetKey()] = p.GetValue()
	}
	for _, m := range run.GetMetrics() {
		r.Metrics[prefix+m.GetKey()] = strconv.FormatFloat(m.GetValue(), 'g', 6, 64)
	}
}

// Comparison is runs side by side.
type Comparison struct {
	Runs    []Header `json:"runs"`
	Params  []Row    `json:"parameters"`
	Metrics []Row    `json:"metrics"`
}

// Header is what a run is.
type Header struct {
	ID     string `json:"run_id"`
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Row is one parameter or metric, its values in the order of the runs; nil where a
// run has none.
type Row struct {
	Name    string    `json:"name"`
	Values  []*string `json:"values"`
	Differs bool      `json:"differs"`
}

// Of compares runs.
func Of(runs []Run) Comparison {
	c := Comparison{
		Params:  rows(runs, func(r Run) map[string]string { return r.Params }),
		Metrics: rows(runs, func(r Run) map[string]string { return r.Metrics }),
	}
	for _, r := range runs {
		c.Runs = append(c.Runs, Header{r.ID, r.Name, r.Status})
	}
	return c
}

func rows(runs []Run, of func(Run) map[string]string) []Row {
	names := map[string]struct{}{}
	for _, r := range runs {
		for name := range of(r) {
			names[name] = struct{}{}
		}
	}
	all := make([]Row, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		row := Row{Name: name}
		for i, r := range runs {
			var value *string
			if v, has := of(r)[name]; has {
				value = &v
			}
			row.Values = append(row.Values, value)
			first := row.Values[0]
			row.Differs = row.Differs || i > 0 && ((value == nil) != (first == nil) || value != nil && *value != *first)
		}
		all = append(all, row)
	}
	return all
}

// Differing is what differs.
func (c Comparison) Differing() Comparison {
	same := func(r Row) bool { return !r.Differs }
	c.Params, c.Metrics = slices.DeleteFunc(c.Params, same), slices.DeleteFunc(c.Metrics, same)
	return c
}

// Write prints the comparison as one table.
func (c Comparison) Write(term *output.Terminal, w io.Writer) error {
	table := output.Table{Headings: []string{"", ""}, Uncut: true}
	status := []output.Cell{{}, {Text: "status", Style: output.Faint}}
	for _, r := range c.Runs {
		table.Headings = append(table.Headings, r.Name+" ("+r.ID[:min(len(r.ID), shownID)]+")")
		status = append(status, output.Cell{Text: r.Status, Style: output.StateStyle(r.Status)})
	}
	table.Rows = append(table.Rows, status)
	add(&table, "parameters", c.Params)
	add(&table, "metrics", c.Metrics)
	return table.Write(term, w)
}

// add adds a section. Its values are right-aligned where all of them are numbers.
func add(table *output.Table, heading string, rows []Row) {
	if len(rows) == 0 {
		return
	}
	table.Rows = append(table.Rows, []output.Cell{{}, {Text: heading, Style: output.Strong}})
	widths := numberWidths(rows)
	for _, row := range rows {
		mark := ""
		if row.Differs {
			mark = "*"
		}
		line := []output.Cell{{Text: mark}, {Text: row.Name}}
		for i, value := range row.Values {
			line = append(line, output.Cell{Text: cell(value, widths[i])})
		}
		table.Rows = append(table.Rows, line)
	}
}

// shownID is how much of the id of a run a table shows.
const shownID = 8

// mostShown is how much of a value a table shows.
const mostShown = 40

// numberWidths are the widths, run by run, of the longest number.
func numberWidths(rows []Row) []int {
	widths := make([]int, len(rows[0].Values))
	for _, row := range rows {
		for i, value := range row.Values {
			if value != nil && isNumber(*value) {
				widths[i] = max(widths[i], len(*value))
			}
		}
	}
	return widths
}

func cell(value *string, width int) string {
	switch {
	case value == nil:
		return strings.Repeat(" ", max(0, width-1)) + "-"
	case isNumber(*value):
		return strings.Repeat(" ", max(0, width-len(*value))) + *value
	}
	return output.Clip(output.Clean(*value), mostShown)
}

func isNumber(text string) bool {
	_, err := strconv.ParseFloat(text, 64)
	return err == nil
}
