package api_test

import (
	"context"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/metadata/internal/api"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// A version knows the run, the data and the metrics behind it, and the logged
// model it was made of knows the version.
func TestProvenance(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		server := rpc.NewServer(slog.New(slog.DiscardHandler))
		api.Register(server, func(context.Context) (*sqlstore.DB, error) { return db, nil })
		mesh, err := rpc.NewInMemory(server)
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = mesh.Serve() }()
		t.Cleanup(server.Stop)
		tracking := metadatav1.NewTrackingServiceClient(mesh.Conn("metadata"))
		models := metadatav1.NewModelRegistryServiceClient(mesh.Conn("metadata"))
		ctx := t.Context()
		run, err := tracking.CreateTrackingRun(ctx, &metadatav1.CreateTrackingRunRequest{ExperimentId: "0", RunName: "r"})
		ok(t, err)
		id := run.GetInfo().GetRunId()
		_, err = tracking.LogBatch(ctx, &metadatav1.LogBatchRequest{
			RunId: id, Metrics: []*metadatav1.Metric{{Key: "loss", Value: 0.5, Timestamp: 1}}, Params: []*metadatav1.Param{{Key: "lr", Value: "1"}},
		})
		ok(t, err)
		_, err = tracking.LogInputs(ctx, &metadatav1.LogInputsRequest{RunId: id, Datasets: []*metadatav1.DatasetInput{{
			Dataset: &metadatav1.Dataset{Name: "flowers", Digest: "d", SourceType: "local", Source: "{}"},
		}}})
		ok(t, err)
		logged, err := tracking.CreateLoggedModel(ctx, &metadatav1.CreateLoggedModelRequest{ExperimentId: "0", SourceRunId: id})
		ok(t, err)
		_, err = tracking.LogOutputs(ctx, &metadatav1.LogOutputsRequest{RunId: id, Models: []*metadatav1.ModelOutput{{ModelId: logged.GetModelId()}}})
		ok(t, err)
		_, err = models.CreateRegisteredModel(ctx, &metadatav1.CreateRegisteredModelRequest{Model: &metadatav1.RegisteredModel{Name: "iris"}})
		ok(t, err)
		_, err = models.CreateModelVersion(ctx, &metadatav1.CreateModelVersionRequest{Version: &metadatav1.ModelVersion{ModelName: "iris", RunId: id}})
		ok(t, err)
		behind, err := models.GetModelVersionProvenance(ctx, &metadatav1.GetModelVersionProvenanceRequest{ModelName: "iris", Version: "1"})
		ok(t, err)
		if behind.GetRun().GetInfo().GetRunName() != "r" || behind.GetMetrics()[0].GetValue() != 0.5 || behind.GetDatasets()[0].GetDataset().GetName() != "flowers" ||
			behind.GetLoggedModel().GetModelId() != logged.GetModelId() || behind.GetVersion().GetArtifactUri() != logged.GetArtifactUri() {
			t.Errorf("behind it is %v", behind)
		}
		logged, err = tracking.GetLoggedModel(ctx, &metadatav1.GetLoggedModelRequest{ModelId: logged.GetModelId()})
		ok(t, err)
		want := &metadatav1.ModelRegistration{Name: "iris", Version: "1"}
		if r := logged.GetRegistrations(); len(r) != 1 || !proto.Equal(r[0], want) {
			t.Errorf("registrations are %v", r)
		}
		if tag := logged.GetTags()[0]; tag.GetKey() != "mlflow.modelVersions" || tag.GetValue() != `[{"name": "iris", "version": 1}]` {
			t.Errorf("the tag is %v", tag)
		}
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
