// Package doctor looks at this machine and says what kfmesh will find here:
// what is fine, what will do less well, what is missing, and what to do about it.
//
// Checks see the machine only through Host, and do not change it, except that
// they write and remove a file in the data directory.
package doctor

import (
	"context"
	"sync"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
)

// Level is how a check came out.
type Level string

// The levels. Only Missing makes kfmesh unfit for use.
const (
	OK      Level = "ok"
	Warn    Level = "warn"
	Missing Level = "missing"
)

// Result is what a check found.
type Result struct {
	Name   string `json:"name"`
	Level  Level  `json:"level"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"` // what to do about it
}

// checkTimeout bounds one check; a container engine that hangs is no engine.
const checkTimeout = 5 * time.Second

// Examine runs every check at once and returns the results in a fixed order.
func Examine(ctx context.Context, host Host) []Result {
	checks := []func(context.Context, Host) Result{
		python, uv, engine, gpus, disk, dataDir, supervisor, server,
	}
	results := make([]Result, len(checks))
	var examining sync.WaitGroup
	for i, check := range checks {
		examining.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTimeout)
			defer cancel()
			results[i] = check(ctx, host)
		})
	}
	examining.Wait()
	return results
}

// Healthy reports whether nothing is missing.
func Healthy(results []Result) bool {
	for _, r := range results {
		if r.Level == Missing {
			return false
		}
	}
	return true
}

// Table lays results out, advice below what it is about.
func Table(results []Result) *output.Table {
	table := &output.Table{Headings: []string{"CHECK", "RESULT", "FOUND"}, Uncut: true}
	for _, r := range results {
		table.Rows = append(table.Rows, []output.Cell{
			{Text: r.Name},
			{Text: string(r.Level), Style: output.StateStyle(string(r.Level))},
			{Text: r.Detail},
		})
		if r.Advice != "" {
			table.Rows = append(table.Rows, []output.Cell{{}, {}, {Text: "-> " + r.Advice, Style: output.Faint}})
		}
	}
	return table
}
