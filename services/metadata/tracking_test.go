package metadata_test

import (
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
)

// What is tracked goes in and comes out through the service's own door, and what
// is wrong is said there as well.
func TestTracks(t *testing.T) {
	sqltest.EachURL(t, func(t *testing.T, databaseURL string) {
		module, mesh := serve(t, config.Secret(databaseURL))
		run(t, module)
		tracking := metadatav1.NewTrackingServiceClient(mesh.Conn("metadata"))

		made, err := tracking.CreateTrackingRun(t.Context(), &metadatav1.CreateTrackingRunRequest{RunName: "first"})
		if err != nil {
			t.Fatal(err)
		}
		id := made.GetInfo().GetRunId()
		batch := &metadatav1.LogBatchRequest{
			RunId: id, Metrics: []*metadatav1.Metric{{Key: "loss", Value: 0.5}}, Params: []*metadatav1.Param{{Key: "lr", Value: "1"}},
		}
		if _, err := tracking.LogBatch(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		got, err := tracking.GetTrackingRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: id})
		if err != nil || got.GetMetrics()[0].GetValue() != 0.5 {
			t.Errorf("%v, %v", got, err)
		}
		batch.Params[0].Value = "2"
		_, err = tracking.LogBatch(t.Context(), batch)
		if want := "Changing param values is not allowed. Param with key='lr' was already logged with value='1' for run ID='" + id +
			"'. Attempted logging new value '2'."; !fault.Is(err, fault.Invalid) || err.Error() != want {
			t.Errorf("error is %v, want %s", err, want)
		}
		model, err := tracking.CreateLoggedModel(t.Context(), &metadatav1.CreateLoggedModelRequest{SourceRunId: id})
		if err != nil || model.GetExperimentId() != "0" {
			t.Errorf("%v, %v", model, err)
		}
	})
}
