package tracking_test

import (
	"fmt"
	"slices"
	"testing"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

func TestDatasetsOfExperiments(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		other := s.experiment("", "other").GetExperimentId()
		elsewhere := s.experiment("team", "elsewhere").GetExperimentId()
		read := func(namespace, experiment, name string, tags ...*metadatav1.Tag) {
			run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{Namespace: namespace, ExperimentId: experiment})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.LogInputs(t.Context(), &metadatav1.LogInputsRequest{
				Namespace: namespace, RunId: run.GetInfo().GetRunId(), Datasets: []*metadatav1.DatasetInput{{
					Tags:    tags,
					Dataset: &metadatav1.Dataset{Name: name, Digest: "1", SourceType: "local", Source: "s"},
				}},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		train := &metadatav1.Tag{Key: "mlflow.data.context", Value: "train"}
		read("", other, "wine", train)
		read("", other, "wine", train) // once more: the same
		read("", other, "wine", &metadatav1.Tag{Key: "mlflow.data.context", Value: "eval"}, &metadatav1.Tag{Key: "x", Value: "y"})
		read("", "0", "plain", &metadatav1.Tag{Key: "x", Value: "y"})
		read("team", elsewhere, "hidden", train)

		found, err := s.SearchDatasets(t.Context(), &metadatav1.SearchDatasetsRequest{ExperimentIds: []string{other, "0", elsewhere}})
		if err != nil {
			t.Fatal(err)
		}
		names := map[string]string{"0": "default", other: "other"}
		var got []string
		for _, d := range found.GetDatasets() {
			got = append(got, fmt.Sprintf("%s %s %s %q %t", names[d.GetExperimentId()], d.GetName(), d.GetDigest(), d.GetContext(), d.Context != nil))
		}
		if want := []string{`default plain 1 "" false`, `other wine 1 "eval" true`, `other wine 1 "train" true`}; !slices.Equal(got, want) {
			t.Errorf("found %q, want %q", got, want)
		}
		for _, ids := range [][]string{nil, make([]string, 21), {"x"}} {
			if _, err := s.SearchDatasets(t.Context(), &metadatav1.SearchDatasetsRequest{ExperimentIds: ids}); !fault.Is(err, fault.Invalid) {
				t.Errorf("%d ids %q gave %v", len(ids), ids, err)
			}
		}
	})
}
