package remote

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/kfmesh/kfmesh/internal/store"
)

// TestBatchesKeepCommitsWhole cuts changes of any sizes: every commit is in one
// message, and nothing is lost or moved.
func TestBatchesKeepCommitsWhole(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var all []store.Change
		for revision := range rapid.IntRange(1, 20).Draw(t, "commits") {
			for range rapid.IntRange(1, 5).Draw(t, "changes") {
				value := make([]byte, rapid.SampledFrom([]int{0, 10, messageBytes / 3, messageBytes}).Draw(t, "bytes"))
				all = append(all, store.Change{Entry: store.Entry{Revision: int64(revision), Value: value}})
			}
		}
		n, last := 0, int64(-1)
		for _, batch := range batches(all) {
			if len(batch) == 0 || batch[0].Revision == last {
				t.Fatalf("a message begins within commit %d, or is empty", last)
			}
			for i := range batch {
				if batch[i].Revision != all[n+i].Revision {
					t.Fatalf("change %d was moved", n+i)
				}
			}
			n, last = n+len(batch), batch[len(batch)-1].Revision
		}
		if n != len(all) {
			t.Fatalf("%d of %d changes were sent", n, len(all))
		}
	})
}
