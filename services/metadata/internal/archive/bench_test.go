package archive_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/services/metadata/internal/archive"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// BenchmarkList lists pages of 50 among 200,000 archived runs with realistic
// summaries and details, and reports the 95th percentile of every kind of list.
func BenchmarkList(b *testing.B) {
	const kind, count = "pipeline.run", 200_000
	databaseURL := "sqlite://" + filepath.Join(b.TempDir(), "bench.db")
	fill(b, databaseURL, kind, count)
	db := open(b, databaseURL)
	a := archive.New(db)
	equals := func(key, value string) *metav1.Predicate {
		return &metav1.Predicate{
			Operation: metav1.Predicate_EQUALS, Key: key,
			Value: &metav1.Predicate_StringValue{StringValue: value},
		}
	}
	substring := equals("display_name", "train-7")
	substring.Operation = metav1.Predicate_IS_SUBSTRING
	common := proto.CloneOf(substring)
	common.Value = &metav1.Predicate_StringValue{StringValue: "train"}
	letter := proto.CloneOf(substring)
	letter.Value = &metav1.Predicate_StringValue{StringValue: "7"}
	since := &metav1.Predicate{
		Operation: metav1.Predicate_GREATER_THAN, Key: "created_at",
		Value: &metav1.Predicate_TimestampValue{TimestampValue: timestamppb.New(time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))},
	}
	lists := []struct {
		name    string
		order   string
		filters []*metav1.Predicate
	}{
		{"all", "created_at", nil},
		{"namespace", "created_at", []*metav1.Predicate{equals("namespace", "team-3")}},
		{"wide-namespace", "created_at", []*metav1.Predicate{equals("namespace", "default")}},
		{"namespace-available", "created_at", []*metav1.Predicate{equals("namespace", "default"), equals("storage_state", "AVAILABLE")}},
		{"namespace-state", "created_at", []*metav1.Predicate{equals("namespace", "default"), equals("state", "FAILED")}},
		{"experiment", "created_at", []*metav1.Predicate{equals("namespace", "default"), equals("parent", "experiment-17")}},
		{"state-by-name", "display_name", []*metav1.Predicate{equals("state", "FAILED")}},
		{"substring", "created_at", []*metav1.Predicate{substring}},
		{"common", "created_at", []*metav1.Predicate{common}},
		{"one-letter-by-name", "display_name", []*metav1.Predicate{letter}},
		{"namespace-search", "created_at", []*metav1.Predicate{equals("namespace", "default"), equals("storage_state", "AVAILABLE"), substring}},
		{"experiment-search", "created_at", []*metav1.Predicate{equals("parent", "experiment-17"), equals("storage_state", "AVAILABLE"), substring}},
		{"since", "created_at", []*metav1.Predicate{equals("namespace", "default"), since}},
	}
	for _, list := range lists {
		b.Run(list.name, func(b *testing.B) {
			var took []time.Duration
			var after *metadatav1.RecordPosition
			for b.Loop() {
				start := time.Now()
				page, err := a.List(b.Context(), &metadatav1.ListRecordsRequest{
					Kind: kind, Filter: &metav1.Filter{Predicates: list.filters}, OrderBy: list.order,
					Descending: true, PageSize: 50, After: after,
				})
				if err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
				after = nil
				if page.GetMore() {
					after = positionOf(page.GetRecords()[49], list.order)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

// fill makes the archive in one transaction and closes it, which leaves it as
// a long-running service would: with next to nothing in the write-ahead log.
func fill(b *testing.B, databaseURL, kind string, count int) {
	b.Helper()
	db, err := sqlstore.Open(b.Context(), databaseURL)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	err = archive.PutAll(b.Context(), db, func(yield func(*metadatav1.Record) bool) {
		for i := range count {
			if !yield(benchRecord(random, kind, i)) {
				return
			}
		}
	})
	if err := cmp.Or(err, db.Close()); err != nil {
		b.Fatal(err)
	}
}

func open(b *testing.B, databaseURL string) *sqlstore.DB {
	b.Helper()
	db, err := sqlstore.Open(b.Context(), databaseURL)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	return db
}

func benchRecord(random *rand.Rand, kind string, i int) *metadatav1.Record {
	states := []string{"SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "CANCELED"}
	namespace := "default"
	if i%4 == 0 {
		namespace = fmt.Sprintf("team-%d", random.IntN(10))
	}
	storage := "AVAILABLE"
	if random.IntN(20) == 0 {
		storage = "ARCHIVED"
	}
	created := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.Int64N(int64(300 * 24 * time.Hour))))
	payload := make([]byte, 800)
	for j := range payload {
		payload[j] = byte(random.Uint32())
	}
	return &metadatav1.Record{
		Kind: kind, Uid: fmt.Sprintf("%08x-%08x-%08x", random.Uint32(), random.Uint32(), i), Namespace: namespace,
		Name: fmt.Sprintf("run-%d", i), DisplayName: fmt.Sprintf("train-%d on %s", random.IntN(100_000), created),
		Description: "nightly", State: states[random.IntN(len(states))], StorageState: storage,
		Parent:    fmt.Sprintf("experiment-%d", random.IntN(100)),
		CreatedAt: timestamppb.New(created), FinishedAt: timestamppb.New(created.Add(time.Minute)),
		Summary: payload, Detail: payload,
	}
}
