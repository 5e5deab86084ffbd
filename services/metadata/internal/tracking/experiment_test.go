package tracking_test

import (
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// experiment makes an experiment.
func (s *store) experiment(namespace, name string) *metadatav1.TrackingExperiment {
	s.t.Helper()
	e, err := s.CreateExperiment(s.t.Context(), &metadatav1.CreateExperimentRequest{Namespace: namespace, Name: name})
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// setStage deletes or restores an experiment.
func (s *store) setStage(id string, stage metadatav1.Stage) error {
	_, err := s.SetExperimentStage(s.t.Context(), &metadatav1.SetExperimentStageRequest{ExperimentId: id, Stage: stage})
	return err
}

func TestTheDefaultExperimentIsThere(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		for _, request := range []*metadatav1.GetTrackingExperimentRequest{{}, {ExperimentId: "0"}, {Name: "Default"}} {
			e, err := s.GetExperiment(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if e.GetExperimentId() != "0" || e.GetName() != "Default" || e.GetArtifactLocation() != "mlflow-artifacts:/0" || e.GetCreationTime() < 1_700_000_000_000 {
				t.Errorf("%v gives %v", request, e)
			}
		}
	})
}

func TestEachNamespaceHasADefaultExperiment(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{Namespace: "team", ExperimentId: "0"})
		if err != nil {
			t.Fatal(err)
		}
		e, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{Namespace: "team"})
		if err != nil {
			t.Fatal(err)
		}
		if e.GetName() != "Default" || e.GetExperimentId() == "0" || e.GetExperimentId() != run.GetInfo().GetExperimentId() ||
			e.GetArtifactLocation() != "mlflow-artifacts:/workspaces/team/"+e.GetExperimentId() {
			t.Errorf("the run is in %s, the namespace's default is %v", run.GetInfo().GetExperimentId(), e)
		}
		fresh, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{Namespace: "fresh", Name: "Default"})
		if err != nil || fresh.GetNamespace() != "fresh" {
			t.Errorf("%v, %v", fresh, err)
		}
	})
}

func TestExperiments(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		first, err := s.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{
			Name: "first", ArtifactLocation: "s3://bucket/path", Tags: []*metadatav1.Tag{{Key: "a", Value: "1"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		second := s.experiment("", "second")
		if first.GetExperimentId() != "1" || second.GetExperimentId() != "2" || second.GetArtifactLocation() != "mlflow-artifacts:/2" {
			t.Errorf("ids %s and %s, location %s", first.GetExperimentId(), second.GetExperimentId(), second.GetArtifactLocation())
		}
		got, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{Name: "first"})
		if err != nil || !proto.Equal(got, first) {
			t.Errorf("got %v, %v; want %v", got, err, first)
		}
		_, err = s.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "first"})
		expect(t, err, fault.AlreadyExists, "Experiment(name=first) already exists.")
		_, err = s.UpdateExperiment(t.Context(), &metadatav1.UpdateTrackingExperimentRequest{ExperimentId: "2", Name: "first"})
		expect(t, err, fault.AlreadyExists, "Experiment(name=first) already exists.")
		if _, err := s.UpdateExperiment(t.Context(), &metadatav1.UpdateTrackingExperimentRequest{ExperimentId: "2", Name: "third"}); err != nil {
			t.Error(err)
		}
		_, err = s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{Name: "second"})
		expect(t, err, fault.NotFound, "Could not find experiment with name 'second'")
	})
}

func TestExperimentsThatAreNotThere(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		other := s.experiment("other", "theirs").GetExperimentId()
		for _, id := range []string{"77", other} {
			_, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{ExperimentId: id})
			expect(t, err, fault.NotFound, "No Experiment with id="+id+" exists")
			_, err = s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{ExperimentId: id})
			expect(t, err, fault.NotFound, "No Experiment with id="+id+" exists")
			expect(t, s.setStage(id, metadatav1.Stage_STAGE_DELETED), fault.NotFound, "No Experiment with id="+id+" exists")
		}
		_, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{ExperimentId: "abc"})
		expect(t, err, fault.Invalid, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.")
		_, err = s.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{})
		expect(t, err, fault.Invalid, "Invalid experiment name: ''")
	})
}

func TestADeletedExperimentTakesItsRunsWithIt(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.experiment("", "gone").GetExperimentId()
		run, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{ExperimentId: id})
		if err != nil {
			t.Fatal(err)
		}
		runID := run.GetInfo().GetRunId()
		if err := s.setStage(id, metadatav1.Stage_STAGE_DELETED); err != nil {
			t.Fatal(err)
		}
		if stage := s.get(runID).GetInfo().GetStage(); stage != metadatav1.Stage_STAGE_DELETED {
			t.Errorf("the run is %s", stage)
		}
		expect(t, s.setStage(id, metadatav1.Stage_STAGE_DELETED), fault.NotFound, "No Experiment with id="+id+" exists")
		_, err = s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{ExperimentId: id})
		expect(t, err, fault.Invalid, "The experiment "+id+" must be in the 'active' state. Current state is deleted.")
		_, err = s.SetExperimentTags(t.Context(), &metadatav1.SetExperimentTagsRequest{ExperimentId: id, Tags: []*metadatav1.Tag{{Key: "a"}}})
		expect(t, err, fault.Invalid, "The experiment "+id+" must be in the 'active' state. Current state is deleted.")
		_, err = s.UpdateExperiment(t.Context(), &metadatav1.UpdateTrackingExperimentRequest{ExperimentId: id, Name: "x"})
		expect(t, err, fault.Invalid, "Cannot rename a non-active experiment.")
		_, err = s.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "gone"})
		expect(t, err, fault.AlreadyExists, "Experiment(name=gone) already exists. It is deleted: restore it or choose another name.")
		s.refuses(runID, &metadatav1.LogBatchRequest{}, "The run "+runID+" must be in the 'active' state. Current state is deleted.")

		if err := s.setStage(id, metadatav1.Stage_STAGE_ACTIVE); err != nil {
			t.Fatal(err)
		}
		s.log(runID, &metadatav1.LogBatchRequest{Params: []*metadatav1.Param{{Key: "a", Value: "1"}}})
	})
}

func TestExperimentTags(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		set := func(request *metadatav1.SetExperimentTagsRequest) error {
			request.ExperimentId = "0"
			_, err := s.SetExperimentTags(t.Context(), request)
			return err
		}
		if err := set(&metadatav1.SetExperimentTagsRequest{Tags: []*metadatav1.Tag{{Key: "b", Value: "1"}, {Key: "a", Value: "2"}, {Key: "b", Value: "3"}}}); err != nil {
			t.Fatal(err)
		}
		if err := set(&metadatav1.SetExperimentTagsRequest{DeleteKeys: []string{"a"}}); err != nil {
			t.Fatal(err)
		}
		expect(t, set(&metadatav1.SetExperimentTagsRequest{DeleteKeys: []string{"a"}}), fault.NotFound, "No tag with name: a in experiment with id 0")
		e, err := s.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{})
		if err != nil || len(e.GetTags()) != 1 || e.GetTags()[0].GetValue() != "3" {
			t.Errorf("tags are %v, %v", e.GetTags(), err)
		}
	})
}

// Experiments that are made at once get different numbers, and one name goes to
// one of them.
func TestExperimentsAreMadeAtOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		const makers = 8
		var group sync.WaitGroup
		made := make([]error, makers)
		for i := range makers {
			group.Go(func() {
				_, made[i] = s.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "same"})
				s.experiment("", string(rune('a'+i)))
			})
		}
		group.Wait()
		won := 0
		for _, err := range made {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.AlreadyExists) {
				t.Errorf("error is %v, want AlreadyExists", err)
			}
		}
		if won != 1 {
			t.Errorf("%d made the experiment, want 1", won)
		}
	})
}
