// Package meter counts and times what becomes of runs and their tasks, for
// /metrics:
//
//	kfmesh_runs_ended_total{state}             runs that ended
//	kfmesh_runs_retried_total                  runs that were taken up again
//	kfmesh_runs_active                         runs that are worked on
//	kfmesh_run_duration_seconds{state}         from creation to end
//	kfmesh_tasks_ended_total{state}            leaf tasks that ended
//	kfmesh_task_queue_seconds                  from when a step may start until it is submitted
//	kfmesh_task_launch_seconds                 from there until its process runs
//	kfmesh_cache_lookups_total{result}         "hit" or "miss"
//
// Counters are those of a process: what ends while none runs is counted by the
// next one, if at all. A Meter is safe for concurrent use.
package meter

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

const scope = "github.com/kfmesh/kfmesh/services/pipeline"

// Meter is the instruments.
type Meter struct {
	runs        metric.Int64Counter
	retries     metric.Int64Counter
	active      metric.Int64UpDownCounter
	runSeconds  metric.Float64Histogram
	tasks       metric.Int64Counter
	queued      metric.Float64Histogram
	launched    metric.Float64Histogram
	cacheLooked metric.Int64Counter
}

// New makes the instruments with a provider.
func New(provider metric.MeterProvider) (*Meter, error) {
	m := provider.Meter(scope)
	made := &Meter{}
	var errs [8]error
	made.runs, errs[0] = m.Int64Counter("kfmesh.runs.ended", metric.WithDescription("Runs that ended, by final state."))
	made.retries, errs[1] = m.Int64Counter("kfmesh.runs.retried", metric.WithDescription("Runs that were taken up again."))
	made.active, errs[2] = m.Int64UpDownCounter("kfmesh.runs.active", metric.WithDescription("Runs that are worked on."))
	made.runSeconds, errs[3] = m.Float64Histogram("kfmesh.run.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from the creation of a run to its end, by final state."), buckets(0.1, 86400))
	made.tasks, errs[4] = m.Int64Counter("kfmesh.tasks.ended", metric.WithDescription("Leaf tasks that ended, by final state."))
	made.queued, errs[5] = m.Float64Histogram("kfmesh.task.queue", metric.WithUnit("s"),
		metric.WithDescription("Time from when a step may start until it is submitted."), buckets(0.001, 60))
	made.launched, errs[6] = m.Float64Histogram("kfmesh.task.launch", metric.WithUnit("s"),
		metric.WithDescription("Time from when a step is submitted until its process runs."), buckets(0.001, 600))
	made.cacheLooked, errs[7] = m.Int64Counter("kfmesh.cache.lookups", metric.WithDescription("Tasks that were looked up in the cache, by result."))
	for _, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("make instruments: %w", err)
		}
	}
	return made, nil
}

// buckets are the bounds of a histogram: 1, 2.5 and 5 in each decade.
func buckets(from, to float64) metric.HistogramOption {
	var bounds []float64
	for decade := from; decade <= to; decade *= 10 {
		for _, step := range []float64{1, 2.5, 5} {
			if bound := decade * step; bound <= to {
				bounds = append(bounds, bound)
			}
		}
	}
	return metric.WithExplicitBucketBoundaries(bounds...)
}

func stateOf(s pipelinev1.RuntimeState) metric.MeasurementOption {
	return metric.WithAttributes(attribute.String("state", s.String()))
}

// RunActive notes that a run is worked on from now on, or with -1 no longer.
func (m *Meter) RunActive(ctx context.Context, change int64) { m.active.Add(ctx, change) }

// RunRetried notes that a run was taken up again.
func (m *Meter) RunRetried(ctx context.Context) { m.retries.Add(ctx, 1) }

// RunEnded notes the end of a run.
func (m *Meter) RunEnded(ctx context.Context, state pipelinev1.RuntimeState, took time.Duration) {
	m.runs.Add(ctx, 1, stateOf(state))
	m.runSeconds.Record(ctx, took.Seconds(), stateOf(state))
}

// TasksEnded notes the end of tasks.
func (m *Meter) TasksEnded(ctx context.Context, state pipelinev1.RuntimeState, count int) {
	m.tasks.Add(ctx, int64(count), stateOf(state))
}

// TaskSubmitted notes how long a step waited to be submitted.
func (m *Meter) TaskSubmitted(ctx context.Context, waited time.Duration) {
	m.queued.Record(ctx, max(0, waited).Seconds())
}

// TaskLaunched notes how long a step took to run once it was submitted.
func (m *Meter) TaskLaunched(ctx context.Context, took time.Duration) {
	m.launched.Record(ctx, max(0, took).Seconds())
}

// CacheLookup notes whether a lookup found something.
func (m *Meter) CacheLookup(ctx context.Context, hit bool) {
	result := "miss"
	if hit {
		result = "hit"
	}
	m.cacheLooked.Add(ctx, 1, metric.WithAttributes(attribute.String("result", result)))
}
