package names_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/services/metadata/internal/names"
)

// BenchmarkFind looks for rare and common parts among 200,000 names. The fastest
// of the searches says what one takes when nothing else runs.
func BenchmarkFind(b *testing.B) {
	const count = 200_000
	table := new(names.Table)
	for i := range count {
		table.Put(names.Item{
			UID: fmt.Sprintf("%036d", i), Name: fmt.Sprintf("train-%d of model %d", i*7919%100_000, i),
			CreatedAt: int64(i) * 7919 % count, Facts: names.Facts{Parent: fmt.Sprint(i % 100), State: "SUCCEEDED"},
		})
	}
	for _, part := range []string{"", "7", "train", "train-77", "model 12345", "nowhere"} {
		b.Run(part, func(b *testing.B) {
			fastest, found := time.Hour, 0
			for b.Loop() {
				start := time.Now()
				f := table.Find(names.Search{Parts: []string{part}})
				_ = f.First(51, true, nil)
				fastest, found = min(fastest, time.Since(start)), f.Len()
			}
			b.ReportMetric(float64(fastest.Microseconds())/1000, "min-ms")
			b.ReportMetric(float64(found), "found")
		})
	}
}
