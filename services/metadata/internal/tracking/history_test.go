package tracking_test

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// history returns all points of a metric.
func (s *store) history(run, key string) []*metadatav1.Metric {
	s.t.Helper()
	h, err := s.GetMetricHistory(s.t.Context(), &metadatav1.GetMetricHistoryRequest{RunId: run, MetricKey: key})
	if err != nil {
		s.t.Fatal(err)
	}
	return h.GetMetrics()
}

// pages returns all points of a metric, a page at a time.
func (s *store) pages(run, key string, size int32) []*metadatav1.Metric {
	s.t.Helper()
	var all []*metadatav1.Metric
	for token := ""; ; {
		h, err := s.GetMetricHistory(s.t.Context(), &metadatav1.GetMetricHistoryRequest{RunId: run, MetricKey: key, MaxResults: size, PageToken: token})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(h.GetMetrics()) > int(size) {
			s.t.Fatalf("a page of %d points, want %d at most", len(h.GetMetrics()), size)
		}
		all = append(all, h.GetMetrics()...)
		if token = h.GetNextPageToken(); token == "" {
			return all
		}
	}
}

// sampled returns a sample of a metric.
func (s *store) sampled(request *metadatav1.GetMetricHistoriesRequest) []*metadatav1.Metric {
	s.t.Helper()
	h, err := s.GetMetricHistories(s.t.Context(), request)
	if err != nil {
		s.t.Fatal(err)
	}
	return h.GetMetrics()
}

// mark is what a point is compared by: two NaN of the same bits are one value.
type mark struct {
	step, at int64
	bits     uint64
}

func marks(metrics []*metadatav1.Metric) []mark {
	all := make([]mark, len(metrics))
	for i, m := range metrics {
		all[i] = mark{m.GetStep(), m.GetTimestamp(), math.Float64bits(m.GetValue())}
	}
	return all
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		values := []float64{
			math.Inf(-1), -math.MaxFloat64, -1.5, -math.SmallestNonzeroFloat64, math.Copysign(0, -1), 0, math.SmallestNonzeroFloat64,
			0.1, 1e300, math.MaxFloat64, math.Inf(1), math.NaN(),
		}
		request := new(metadatav1.LogBatchRequest)
		for _, value := range values {
			request.Metrics = append(request.Metrics, &metadatav1.Metric{Key: "m", Value: value})
			request.Metrics = append(request.Metrics, &metadatav1.Metric{Key: "m", Value: value}) // again: no error, no second point
		}
		slices.Reverse(request.GetMetrics())
		s.log(id, request)
		s.log(id, request)
		got := s.history(id, "m")
		if len(got) != len(values) {
			t.Fatalf("%d points, want %d", len(got), len(values))
		}
		for i, m := range got {
			if math.Float64bits(m.GetValue()) != math.Float64bits(values[i]) {
				t.Errorf("point %d is %v, want %v", i, m.GetValue(), values[i])
			}
		}
		if latest := s.get(id).GetMetrics()[0].GetValue(); !math.IsInf(latest, 1) {
			t.Errorf("the latest of equal steps and times is %v, want the greatest", latest)
		}
	})
}

// aPoint draws points that often meet in step, time or value.
func aPoint(keys ...string) *rapid.Generator[*metadatav1.Metric] {
	return rapid.Custom(func(t *rapid.T) *metadatav1.Metric {
		return &metadatav1.Metric{
			Key:       rapid.SampledFrom(keys).Draw(t, "key"),
			Value:     rapid.SampledFrom([]float64{-1, 0, 0.5, math.NaN(), math.Inf(1)}).Draw(t, "value"),
			Step:      rapid.Int64Range(-3, 3).Draw(t, "step"),
			Timestamp: rapid.Int64Range(0, 3).Draw(t, "time"),
			ModelId:   rapid.SampledFrom([]string{"", "", "m-1"}).Draw(t, "model"),
		}
	})
}

// latestOf is MLflow's rule: step, then time, then value, where NaN counts as 0.
func latestOf(metrics []*metadatav1.Metric) *metadatav1.Metric {
	value := func(m *metadatav1.Metric) float64 {
		if math.IsNaN(m.GetValue()) {
			return 0
		}
		return m.GetValue()
	}
	return slices.MaxFunc(metrics, func(a, b *metadatav1.Metric) int {
		return cmp.Or(cmp.Compare(a.GetStep(), b.GetStep()), cmp.Compare(a.GetTimestamp(), b.GetTimestamp()), cmp.Compare(value(a), value(b)))
	})
}

// Whatever is logged in whatever batches, the latest point and the history are
// those of a model that keeps everything in a list.
func TestLatestAndHistoryFollowTheModel(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		rapid.Check(t, func(r *rapid.T) {
			id := s.run()
			var all []*metadatav1.Metric
			for _, batch := range rapid.SliceOfN(rapid.SliceOfN(aPoint("a", "b"), 0, 8), 1, 5).Draw(r, "batches") {
				s.log(id, &metadatav1.LogBatchRequest{Metrics: batch})
				all = append(all, batch...)
			}
			for _, key := range []string{"a", "b"} {
				ofKey := slices.DeleteFunc(slices.Clone(all), func(m *metadatav1.Metric) bool { return m.GetKey() != key })
				checkLatest(r, s.get(id), key, ofKey)
				checkHistory(r, s, id, key, ofKey)
			}
		})
	})
}

func checkLatest(r *rapid.T, run *metadatav1.TrackingRun, key string, all []*metadatav1.Metric) {
	i := slices.IndexFunc(run.GetMetrics(), func(m *metadatav1.Metric) bool { return m.GetKey() == key })
	if (i < 0) != (len(all) == 0) {
		r.Fatalf("the run has %v after %v", run.GetMetrics(), all)
	}
	if i < 0 {
		return
	}
	got, want := run.GetMetrics()[i], latestOf(all)
	zero := func(v float64) bool { return v == 0 || math.IsNaN(v) } // of equals either may be the latest
	if got.GetStep() != want.GetStep() || got.GetTimestamp() != want.GetTimestamp() ||
		got.GetValue() != want.GetValue() && (!zero(got.GetValue()) || !zero(want.GetValue())) {
		r.Fatalf("the latest is %v, want %v", got, want)
	}
}

func checkHistory(r *rapid.T, s *store, id, key string, all []*metadatav1.Metric) {
	want := marks(all)
	value := func(m mark) float64 { return math.Float64frombits(m.bits) }
	slices.SortFunc(want, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step), nanLast(value(a), value(b)))
	})
	want = slices.Compact(want)
	if got := marks(s.history(id, key)); !slices.Equal(got, want) {
		r.Fatalf("the history is\n%v, want\n%v", got, want)
	}
	if got := marks(s.pages(id, key, 3)); !slices.Equal(got, want) {
		r.Fatalf("the pages are\n%v, want\n%v", got, want)
	}
	checkSample(r, s, id, key, want)
}

// nanLast compares values, of which NaN is the greatest.
func nanLast(a, b float64) int {
	if math.IsNaN(a) || math.IsNaN(b) {
		return -cmp.Compare(a, b)
	}
	return cmp.Compare(a, b)
}

// checkSample compares samples with SQL's NTILE: the first of each group, and the
// last of all.
func checkSample(r *rapid.T, s *store, id, key string, all []mark) {
	n := rapid.IntRange(1, 10).Draw(r, "sampled")
	from := rapid.Int64Range(-3, 0).Draw(r, "from")
	to := rapid.Int64Range(from, 3).Draw(r, "to")
	inside := slices.DeleteFunc(slices.Clone(all), func(m mark) bool { return m.step < from || m.step > to })
	slices.SortStableFunc(inside, func(a, b mark) int { return cmp.Compare(a.step, b.step) })
	var want []mark
	for group, next := 0, 0; group < n && next < len(inside); group++ {
		want = append(want, inside[next])
		next += len(inside) / n
		if group < len(inside)%n {
			next++
		}
	}
	if len(inside) > n {
		want[n-1] = inside[len(inside)-1]
	}
	got := s.sampled(&metadatav1.GetMetricHistoriesRequest{RunIds: []string{id}, MetricKey: key, MaxResults: int32(n), StartStep: &from, EndStep: &to})
	if !slices.Equal(marks(got), want) {
		r.Fatalf("%d of\n%v are\n%v, want\n%v", n, inside, marks(got), want)
	}
	for _, m := range got {
		if m.GetRunId() != id {
			r.Fatalf("%v does not name its run", m)
		}
	}
}

func TestHistoriesOfSeveralRuns(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		ids := []string{s.run(), s.run(), s.run()}
		slices.Sort(ids)
		for _, id := range ids[:2] {
			s.log(id, &metadatav1.LogBatchRequest{Metrics: points(10, 0)})
		}
		got := s.sampled(&metadatav1.GetMetricHistoriesRequest{RunIds: []string{ids[1], ids[0], ids[2]}, MetricKey: "loss", MaxResults: 3})
		if len(got) != 6 || got[0].GetRunId() != ids[1] || got[3].GetRunId() != ids[0] || got[2].GetStep() != 9 {
			t.Errorf("the sample is %v", got)
		}
		unknown := "00000000000040008000000000000000"
		got = s.sampled(&metadatav1.GetMetricHistoriesRequest{RunIds: []string{ids[1], unknown, ids[0]}, MetricKey: "loss", MaxResults: 12, Cut: true})
		if len(got) != 12 || got[0].GetRunId() != ids[0] || got[11].GetRunId() != ids[1] || got[11].GetStep() != 1 {
			t.Errorf("the first 12 points are %v", got)
		}
		_, err := s.GetMetricHistories(t.Context(), &metadatav1.GetMetricHistoriesRequest{RunIds: []string{unknown}, MetricKey: "loss"})
		expect(t, err, fault.NotFound, "Run with id="+unknown+" not found")
	})
}

func TestHistoriesThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		one, two := int64(1), int64(2)
		for _, c := range []struct {
			request *metadatav1.GetMetricHistoriesRequest
			want    string
		}{
			{
				&metadatav1.GetMetricHistoriesRequest{RunIds: repeat("a", 101)},
				"GetMetricHistoryBulkInterval request must specify at most 100 run_ids. Received 101 run_ids.",
			},
			{
				&metadatav1.GetMetricHistoriesRequest{RunIds: repeat("a", 101), Cut: true},
				"GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids.",
			},
			{&metadatav1.GetMetricHistoriesRequest{MaxResults: 2501}, "max_results must be between 1 and 2500."},
			{&metadatav1.GetMetricHistoriesRequest{StartStep: &one}, "If either start step or end step are specified, both must be specified."},
			{&metadatav1.GetMetricHistoriesRequest{StartStep: &two, EndStep: &one}, "end_step must be greater than start_step. Found start_step=2 and end_step=1."},
		} {
			_, err := s.GetMetricHistories(t.Context(), c.request)
			expect(t, err, fault.Invalid, c.want)
		}
		id := s.run()
		_, err := s.GetMetricHistory(t.Context(), &metadatav1.GetMetricHistoryRequest{RunId: id, MetricKey: "m", PageToken: "!"})
		expect(t, err, fault.Invalid, "Invalid page token, could not base64-decode")
		_, err = s.GetMetricHistory(t.Context(), &metadatav1.GetMetricHistoryRequest{RunId: id, MetricKey: "m", PageToken: "YWJj"})
		expect(t, err, fault.Invalid, "Invalid page token, parsed value='abc'")
		if got := s.history(id, "m"); len(got) != 0 {
			t.Errorf("a metric that was never logged has %v", got)
		}
	})
}
