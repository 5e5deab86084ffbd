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
		if _, err := g.PutAll(b.Context(), &metadatav1.PutExecutionsRequest{Requests: requests}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLineage walks ten executions up and down in a graph of a million
// events: pipelines of twenty steps, each of which reads what the last two wrote.
func BenchmarkLineage(b *testing.B) {
	db, err := sqlstore.Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	g := graph.New(db)
	const steps, runs = 20, 12_500
	var requests []*metadatav1.PutExecutionRequest
	for run := range runs {
		for step := range steps {
			name := func(step int) *metadatav1.Artifact {
				return &metadatav1.Artifact{Uid: fmt.Sprint(run, "/", step), Type: "system.Dataset", Uri: fmt.Sprint("s3://b/", run, "/", step)}
			}
			request := &metadatav1.PutExecutionRequest{
				Execution: &metadatav1.Execution{Uid: fmt.Sprint(run, "-", step), Name: "step", State: metadatav1.Execution_STATE_COMPLETE},
				Outputs:   []*metadatav1.ArtifactEvent{{Key: "a", Artifact: name(step)}, {Key: "b", Artifact: name(step + 1000)}},
			}
			for back := 1; back <= min(step, 2); back++ {
				request.Inputs = append(request.Inputs, &metadatav1.ArtifactEvent{Key: fmt.Sprint(back), Artifact: name(step - back)})
			}
			requests = append(requests, request)
		}
		if len(requests) >= 1000 {
			if _, err := g.PutAll(b.Context(), &metadatav1.PutExecutionsRequest{Requests: requests}); err != nil {
				b.Fatal(err)
			}
			requests = requests[:0]
		}
	}
	start, err := g.ListArtifacts(b.Context(), &metadatav1.ListArtifactsRequest{
		Filter: `{"predicates":[{"operation":"EQUALS","key":"uid","string_value":"6000/10"}]}`,
	})
	if err != nil || len(start.GetArtifacts()) != 1 {
		b.Fatal(start, err)
	}
	for _, direction := range []metadatav1.GetLineageRequest_Direction{
		metadatav1.GetLineageRequest_DIRECTION_UP, metadatav1.GetLineageRequest_DIRECTION_DOWN, metadatav1.GetLineageRequest_DIRECTION_BOTH,
	} {
		b.Run(direction.String(), func(b *testing.B) {
			for b.Loop() {
				reached, err := g.Lineage(b.Context(), &metadatav1.GetLineageRequest{
					ArtifactId: start.GetArtifacts()[0].GetArtifactId(), Direction: direction, MaxHops: 10,
				})
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(len(reached.GetArtifacts())), "artifacts")
			}
		})
	}
}
