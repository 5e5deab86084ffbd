package dag

import (
	"testing"
	"time"
)

// BenchmarkLoop plans a loop of 10,000 iterations of one step from start to end.
func BenchmarkLoop(b *testing.B) {
	const iterations = 10_000
	spec := parse(b, loops, loopsRoot)
	rows := make([]any, iterations)
	for i := range rows {
		rows[i] = []any{"x"}
	}
	answer := echo(nil)
	now := time.Now()
	var events int
	for b.Loop() {
		events = 0
		p := New(spec, Run{ID: runID, Parameters: map[string]any{"rows": rows}}, Options{})
		pending := p.Start(now).Launch
		for len(pending) > 0 {
			l := pending[0]
			pending = append(pending[1:], p.Finished(l.Attempt, answer(l), now).Launch...)
			events++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
}
