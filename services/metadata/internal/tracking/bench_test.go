package tracking_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// benchStore opens an empty SQLite database.
func benchStore(b *testing.B) *tracking.Store {
	b.Helper()
	db, err := sqlstore.Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return tracking.New(db)
}

// benchRun starts a run.
func benchRun(b *testing.B, s *tracking.Store) string {
	b.Helper()
	run, err := s.CreateRun(b.Context(), &metadatav1.CreateTrackingRunRequest{})
	if err != nil {
		b.Fatal(err)
	}
	return run.GetInfo().GetRunId()
}

// processor is the processor time that the process took so far. A shared machine
// makes elapsed time say little.
func processor() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// reportProcessor reports the processor time of each operation since begin.
func reportProcessor(b *testing.B, begin time.Duration) {
	b.Helper()
	b.ReportMetric(float64((processor()-begin).Microseconds())/float64(b.N), "cpu-µs/op")
}

// points makes n points that follow those before.
func points(n, before int) []*metadatav1.Metric {
	all := make([]*metadatav1.Metric, n)
	for i := range all {
		step := int64(before + i)
		all[i] = &metadatav1.Metric{Key: "loss", Value: 1 / float64(step+1), Timestamp: 1_764_400_000_000 + step, Step: step}
	}
	return all
}

func BenchmarkLogBatch(b *testing.B) {
	for _, n := range []int{1, 100, 1000} {
		b.Run(fmt.Sprintf("points=%d", n), func(b *testing.B) {
			s := benchStore(b)
			run := benchRun(b, s)
			logged := 0
			defer reportProcessor(b, processor())
			for b.Loop() {
				request := &metadatav1.LogBatchRequest{RunId: run, Metrics: points(n, logged)}
				if _, err := s.LogBatch(b.Context(), request); err != nil {
					b.Fatal(err)
				}
				logged += n
			}
		})
	}
}

func BenchmarkLogBatchOfManyClients(b *testing.B) {
	s := benchStore(b)
	b.SetParallelism(10)
	defer reportProcessor(b, processor())
	b.RunParallel(func(pb *testing.PB) {
		run := benchRun(b, s)
		for i := 0; pb.Next(); i++ {
			if _, err := s.LogBatch(b.Context(), &metadatav1.LogBatchRequest{RunId: run, Metrics: points(1, i)}); err != nil {
				b.Error(err)
			}
		}
	})
}

func BenchmarkCreateRun(b *testing.B) {
	s := benchStore(b)
	b.SetParallelism(10)
	defer reportProcessor(b, processor())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			benchRun(b, s)
		}
	})
}

const manyPoints = 100_000

// longRun returns a run with many points of one metric.
func longRun(b *testing.B, s *tracking.Store) string {
	b.Helper()
	run := benchRun(b, s)
	for logged := 0; logged < manyPoints; logged += 1000 {
		if _, err := s.LogBatch(b.Context(), &metadatav1.LogBatchRequest{RunId: run, Metrics: points(1000, logged)}); err != nil {
			b.Fatal(err)
		}
	}
	return run
}

func BenchmarkMetricHistory(b *testing.B) {
	s := benchStore(b)
	run := longRun(b, s)
	defer reportProcessor(b, processor())
	for b.Loop() {
		h, err := s.GetMetricHistory(b.Context(), &metadatav1.GetMetricHistoryRequest{RunId: run, MetricKey: "loss"})
		if err != nil || len(h.GetMetrics()) != manyPoints {
			b.Fatal(len(h.GetMetrics()), err)
		}
	}
}

func BenchmarkMetricSample(b *testing.B) {
	s := benchStore(b)
	run := longRun(b, s)
	defer reportProcessor(b, processor())
	for b.Loop() {
		h, err := s.GetMetricHistories(b.Context(), &metadatav1.GetMetricHistoriesRequest{RunIds: []string{run}, MetricKey: "loss", MaxResults: 320})
		if err != nil || len(h.GetMetrics()) != 320 {
			b.Fatal(len(h.GetMetrics()), err)
		}
	}
}
