package tracking_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// model makes a model of a run.
func (s *store) model(run string) *metadatav1.LoggedModel {
	s.t.Helper()
	m, err := s.CreateModel(s.t.Context(), &metadatav1.CreateLoggedModelRequest{ExperimentId: "0", SourceRunId: run})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

// getModel returns a model.
func (s *store) getModel(id string) *metadatav1.LoggedModel {
	s.t.Helper()
	m, err := s.GetModel(s.t.Context(), &metadatav1.GetLoggedModelRequest{ModelId: id})
	if err != nil {
		s.t.Fatal(err)
	}
	return m
}

func TestAModelKeepsWhatIsLogged(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run := s.run()
		made, err := s.CreateModel(t.Context(), &metadatav1.CreateLoggedModelRequest{
			ExperimentId: "0", Name: "forest", ModelType: "tree", SourceRunId: run,
			Params: []*metadatav1.Param{{Key: "depth", Value: "3"}}, Tags: []*metadatav1.Tag{{Key: "t", Value: "1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		id := made.GetModelId()
		if !strings.HasPrefix(id, "m-") || len(id) != 34 || made.GetArtifactUri() != "mlflow-artifacts:/0/models/"+id+"/artifacts" ||
			made.GetStatus() != metadatav1.LoggedModel_STATUS_PENDING {
			t.Errorf("made %v", made)
		}
		if got := s.getModel(id); !proto.Equal(got, made) {
			t.Errorf("got %v, want %v", got, made)
		}
		ready, err := s.FinalizeModel(t.Context(), &metadatav1.FinalizeLoggedModelRequest{ModelId: id, Status: metadatav1.LoggedModel_STATUS_READY})
		if err != nil || ready.GetStatus() != metadatav1.LoggedModel_STATUS_READY {
			t.Errorf("%v, %v", ready, err)
		}
		if _, err := s.LogModelParams(t.Context(), &metadatav1.LogLoggedModelParamsRequest{
			ModelId: id, Params: []*metadatav1.Param{{Key: "trees", Value: "9"}, {Key: "depth", Value: "3"}},
		}); err != nil {
			t.Fatal(err)
		}
		_, err = s.LogModelParams(t.Context(), &metadatav1.LogLoggedModelParamsRequest{ModelId: id, Params: []*metadatav1.Param{{Key: "depth", Value: "4"}}})
		expect(t, err, fault.Invalid, "Changing param values is not allowed. Param with key='depth' was already logged with value='3'"+
			" for model ID='"+id+"'. Attempted logging new value '4'.")
		got := s.getModel(id)
		if len(got.GetParams()) != 2 || got.GetParams()[1].GetValue() != "9" || len(s.model(run).GetName()) < 7 {
			t.Errorf("got %v", got)
		}
	})
}

func TestModelTagsAndDeletion(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.model("").GetModelId()
		tagged, err := s.SetModelTags(t.Context(), &metadatav1.SetLoggedModelTagsRequest{
			ModelId: id, Tags: []*metadatav1.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}, DeleteKeys: []string{"a"},
		})
		if err != nil || len(tagged.GetTags()) != 1 || tagged.GetTags()[0].GetKey() != "b" {
			t.Errorf("%v, %v", tagged, err)
		}
		_, err = s.SetModelTags(t.Context(), &metadatav1.SetLoggedModelTagsRequest{ModelId: id, DeleteKeys: []string{"a"}})
		expect(t, err, fault.NotFound, "No tag with key 'a' found for model with ID '"+id+"'.")
		if _, err := s.DeleteModel(t.Context(), &metadatav1.DeleteLoggedModelRequest{ModelId: id}); err != nil {
			t.Fatal(err)
		}
		_, err = s.GetModel(t.Context(), &metadatav1.GetLoggedModelRequest{ModelId: id})
		expect(t, err, fault.NotFound, "Logged model with ID '"+id+"' not found.")
		if _, err := s.GetModel(t.Context(), &metadatav1.GetLoggedModelRequest{ModelId: id, AllowDeleted: true}); err != nil {
			t.Error(err)
		}
		_, err = s.GetModel(t.Context(), &metadatav1.GetLoggedModelRequest{Namespace: "other", ModelId: id, AllowDeleted: true})
		expect(t, err, fault.NotFound, "Logged model with ID '"+id+"' not found.")
		_, err = s.CreateModel(t.Context(), &metadatav1.CreateLoggedModelRequest{ExperimentId: "0", Name: "a/b"})
		expect(t, err, fault.Invalid, "Invalid model name ('a/b') provided. Model name must be a non-empty string and cannot contain the"+
			` following characters: ('/', ':', '.', '%', '"', "'")`)
	})
}

func TestAModelIsMeasured(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run := s.run()
		id := s.model(run).GetModelId()
		measured := func(step int64, value float64, dataset string) *metadatav1.Metric {
			return &metadatav1.Metric{Key: "acc", Value: value, Step: step, ModelId: id, DatasetName: dataset, DatasetDigest: dataset}
		}
		s.log(run, &metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{measured(1, 0.9, "test"), measured(2, 0.8, "test"), measured(2, 0.7, "train")}})
		s.log(run, &metadatav1.LogBatchRequest{Metrics: []*metadatav1.Metric{measured(1, 0.95, "test")}}) // not the latest
		got := s.getModel(id).GetMetrics()
		want := []*metadatav1.Metric{measured(2, 0.8, "test"), measured(2, 0.7, "train")}
		for i := range want {
			want[i].RunId = run
			if len(got) != len(want) || !proto.Equal(got[i], want[i]) {
				t.Fatalf("measured %v, want %v", got, want)
			}
		}
		if latest := s.get(run).GetMetrics(); len(latest) != 1 || latest[0].GetValue() != 0.8 {
			t.Errorf("the run's latest is %v", latest)
		}
		if n := len(s.history(run, "acc")); n != 4 {
			t.Errorf("the run has %d points, want 4", n)
		}
	})
}

func TestInputsAndOutputs(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run, other := s.run(), s.run()
		input := func(name, context string) *metadatav1.DatasetInput {
			return &metadatav1.DatasetInput{
				Dataset: &metadatav1.Dataset{Name: name, Digest: "d1", SourceType: "local", Source: "{}", Schema: "s", Profile: "p"},
				Tags:    []*metadatav1.Tag{{Key: "mlflow.data.context", Value: context}},
			}
		}
		log := func(run string, inputs ...*metadatav1.DatasetInput) {
			_, err := s.LogInputs(t.Context(), &metadatav1.LogInputsRequest{RunId: run, Datasets: inputs, Models: []*metadatav1.ModelInput{{ModelId: "m-2"}}})
			if err != nil {
				t.Fatal(err)
			}
		}
		log(run, input("a", "training"), input("b", "eval"), input("a", "twice"))
		log(run, input("a", "later")) // it reads that already
		log(other, input("a", "training"))
		for _, model := range []string{"m-1", "m-1", "m-3"} {
			if _, err := s.LogOutputs(t.Context(), &metadatav1.LogOutputsRequest{RunId: run, Models: []*metadatav1.ModelOutput{{ModelId: model, Step: 4}}}); err != nil {
				t.Fatal(err)
			}
		}
		want := &metadatav1.TrackingRun{
			DatasetInputs: []*metadatav1.DatasetInput{input("a", "training"), input("b", "eval")},
			ModelInputs:   []*metadatav1.ModelInput{{ModelId: "m-2"}},
			ModelOutputs:  []*metadatav1.ModelOutput{{ModelId: "m-1", Step: 4}, {ModelId: "m-3", Step: 4}},
		}
		got := s.get(run)
		got.Info, got.Tags = nil, nil
		if !proto.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if n := len(s.get(other).GetDatasetInputs()); n != 1 {
			t.Errorf("the other run reads %d datasets, want 1", n)
		}
		_, err := s.LogInputs(t.Context(), &metadatav1.LogInputsRequest{RunId: run, Datasets: []*metadatav1.DatasetInput{{}}})
		expect(t, err, fault.Invalid, "Dataset cannot be None")
		long := input(strings.Repeat("n", 501), "c")
		_, err = s.LogInputs(t.Context(), &metadatav1.LogInputsRequest{RunId: run, Datasets: []*metadatav1.DatasetInput{long}})
		expect(t, err, fault.Invalid, "'name' exceeds the maximum length of 500 characters")
	})
}
