package graph_test

import (
	"fmt"
	"path/filepath"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
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

// BenchmarkPutAll stores executions a hundred in a call, as the pipeline's engine
// does.
func BenchmarkPutAll(b *testing.B) {
	db, err := sqlstore.Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	g := graph.New(db)
	for i := 0; b.Loop(); i++ {
		requests := make([]*metadatav1.PutExecutionRequest, 100)
		for j := range requests {
			requests[j] = training()
			requests[j].Execution.Uid = fmt.Sprint(i, "-", j)
			for _, output := range requests[j].GetOutputs() {
				output.Artifact.Uid = fmt.Sprint(i, "-", j, output.GetKey())
			}
		}
		if _, err := g.PutAll(b.Context(), requests); err != nil {
			b.Fatal(err)
		}
	}
}
