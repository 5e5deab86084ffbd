package engine_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestMetrics runs a pipeline that fails and is retried, and another twice that is
// reused the second time.
func TestMetrics(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var mended atomic.Bool
	w.agent.program = flaky(&mended)
	w.start()
	id := w.create(badLuck(), nil)
	w.archived(id)
	mended.Store(true)
	w.retry(id)
	w.archived(id)
	p := newPipeline()
	p.step("s0", "ok")["cachingOptions"] = m{"enableCache": true}
	w.archived(w.create(p.spec(), nil))
	w.archived(w.create(p.spec(), nil))
	w.stop()
	got := w.readings()
	for name, want := range map[string]int64{
		"kfmesh.runs.ended FAILED":    1,
		"kfmesh.runs.ended SUCCEEDED": 3,
		"kfmesh.runs.retried":         1,
		"kfmesh.runs.active":          0,
		"kfmesh.tasks.ended FAILED":   1,
		"kfmesh.tasks.ended SKIPPED":  1,
		// Three at first of which one failed, two when retried, one and one reused.
		"kfmesh.tasks.ended SUCCEEDED":  6,
		"kfmesh.cache.lookups hit":      1,
		"kfmesh.cache.lookups miss":     1,
		"kfmesh.run.duration FAILED":    1,
		"kfmesh.run.duration SUCCEEDED": 3,
		"kfmesh.task.queue":             7,
	} {
		if got[name] != want {
			t.Errorf("%s is %d, want %d", name, got[name], want)
		}
	}
}

// readings are the values of counters, and the counts of histograms, by name and
// attribute.
func (w *world) readings() map[string]int64 {
	w.t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(w.t.Context(), &all); err != nil {
		w.t.Fatal(err)
	}
	got := map[string]int64{}
	name := func(metric string, set attribute.Set) string {
		for _, kv := range set.ToSlice() {
			metric += fmt.Sprint(" ", kv.Value.AsInterface())
		}
		return metric
	}
	for _, scope := range all.ScopeMetrics {
		for _, metric := range scope.Metrics {
			switch data := metric.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					got[name(metric.Name, p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					got[name(metric.Name, p.Attributes)] = int64(p.Count)
				}
			}
		}
	}
	return got
}
