package graph_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// BenchmarkPut stores executions with one input and two outputs, each commit on
// the disk before the next: what a pipeline step pays for its lineage.
func BenchmarkPut(b *testing.B) {
	db, err := sqlstore.Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	g := graph.New(db)
	for i := 0; b.Loop(); i++ {
		request := training()
		request.Execution.Uid = fmt.Sprint(i)
		for _, output := range request.GetOutputs() {
			output.Artifact.Uid = fmt.Sprint(i, output.GetKey())
		}
		if _, err := g.Put(b.Context(), request); err != nil {
			b.Fatal(err)
		}
	}
}
