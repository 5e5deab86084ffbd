package tracking_test

import (
	"context"
	"regexp"
	"testing"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

// tag returns the value of a run's tag.
func tag(run *metadatav1.TrackingRun, key string) string {
	for _, tag := range run.GetTags() {
		if tag.GetKey() == key {
			return tag.GetValue()
		}
	}
	return ""
}

func TestARunHasAName(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		tagged := []*metadatav1.Tag{{Key: "mlflow.runName", Value: "tagged"}}
		for _, c := range []struct {
			request *metadatav1.CreateTrackingRunRequest
			want    string
		}{
			{&metadatav1.CreateTrackingRunRequest{RunName: "given"}, "^given$"},
			{&metadatav1.CreateTrackingRunRequest{Tags: tagged}, "^tagged$"},
			{&metadatav1.CreateTrackingRunRequest{RunName: "tagged", Tags: tagged}, "^tagged$"},
			{&metadatav1.CreateTrackingRunRequest{}, `^[a-z]{3,8}-[a-z]{3,8}-\d{1,3}$`},
		} {
			run, err := s.CreateRun(t.Context(), c.request)
			if err != nil {
				t.Fatal(err)
			}
			name := run.GetInfo().GetRunName()
			if !regexp.MustCompile(c.want).MatchString(name) || tag(s.get(run.GetInfo().GetRunId()), "mlflow.runName") != name {
				t.Errorf("%v is named %q, want %s", c.request, name, c.want)
			}
		}
		_, err := s.CreateRun(t.Context(), &metadatav1.CreateTrackingRunRequest{RunName: "given", Tags: tagged})
		expect(t, err, fault.Invalid, "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values"+
			" (run_name='given', mlflow.runName='tagged').")
	})
}

func TestARunMayBeGivenItsID(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		const id = "0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f"
		request := &metadatav1.CreateTrackingRunRequest{RunId: id, RunName: "given"}
		run, err := s.CreateRun(t.Context(), request)
		if err != nil || run.GetInfo().GetRunId() != id || s.get(id).GetInfo().GetRunName() != "given" {
			t.Fatalf("%v, %v", run, err)
		}
		_, err = s.CreateRun(t.Context(), request)
		expect(t, err, fault.AlreadyExists, "Run '0b6c2ff45f8e4f6e9d1e3a2b1c0d9e8f' already exists.")
	})
}

func TestARunIsUpdated(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		end := int64(99)
		info, err := s.UpdateRun(t.Context(), &metadatav1.UpdateTrackingRunRequest{
			RunId: id, Status: metadatav1.TrackingRunInfo_STATUS_FINISHED, EndTime: &end, RunName: "done",
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = s.UpdateRun(t.Context(), &metadatav1.UpdateTrackingRunRequest{RunId: id}); err != nil { // changes nothing
			t.Fatal(err)
		}
		got := s.get(id)
		for _, info := range []*metadatav1.TrackingRunInfo{info, got.GetInfo()} {
			if info.GetStatus() != metadatav1.TrackingRunInfo_STATUS_FINISHED || info.GetEndTime() != 99 || info.GetRunName() != "done" {
				t.Errorf("the run is %v", info)
			}
		}
		if tag(got, "mlflow.runName") != "done" {
			t.Errorf("tags are %v", got.GetTags())
		}
		s.log(id, &metadatav1.LogBatchRequest{Tags: []*metadatav1.Tag{{Key: "mlflow.runName", Value: "tagged"}}})
		if name := s.get(id).GetInfo().GetRunName(); name != "tagged" {
			t.Errorf("the tag made the name %q", name)
		}
	})
}

func TestADeletedRunRefusesChanges(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		s.log(id, &metadatav1.LogBatchRequest{Metrics: points(1, 0)}) // so that the run is remembered
		stage := func(stage metadatav1.Stage) {
			if _, err := s.SetRunStage(t.Context(), &metadatav1.SetRunStageRequest{RunId: id, Stage: stage}); err != nil {
				t.Fatal(err)
			}
		}
		stage(metadatav1.Stage_STAGE_DELETED)
		want := "The run " + id + " must be in the 'active' state. Current state is deleted."
		s.refuses(id, &metadatav1.LogBatchRequest{Metrics: points(1, 1)}, want)
		_, err := s.UpdateRun(t.Context(), &metadatav1.UpdateTrackingRunRequest{RunId: id})
		expect(t, err, fault.Invalid, want)
		_, err = s.DeleteRunTag(t.Context(), &metadatav1.DeleteRunTagRequest{RunId: id, Key: "mlflow.runName"})
		expect(t, err, fault.Invalid, want)
		_, err = s.LogInputs(t.Context(), &metadatav1.LogInputsRequest{RunId: id})
		expect(t, err, fault.Invalid, want)
		_, err = s.LogOutputs(t.Context(), &metadatav1.LogOutputsRequest{RunId: id})
		expect(t, err, fault.Invalid, want)
		stage(metadatav1.Stage_STAGE_ACTIVE)
		s.log(id, &metadatav1.LogBatchRequest{Metrics: points(1, 1)})
		if n := len(s.history(id, "loss")); n != 2 {
			t.Errorf("%d points, want 2", n)
		}
	})
}

func TestRunTagsAreDeleted(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		s.log(id, &metadatav1.LogBatchRequest{Tags: []*metadatav1.Tag{{Key: "a", Value: "1"}}})
		remove := func() error {
			_, err := s.DeleteRunTag(t.Context(), &metadatav1.DeleteRunTagRequest{RunId: id, Key: "a"})
			return err
		}
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		expect(t, remove(), fault.NotFound, "No tag with name: a in run with id "+id)
	})
}

func TestARunIsNotThereForOtherNamespaces(t *testing.T) {
	each(t, func(t *testing.T, s *store) {
		id := s.run()
		s.log(id, &metadatav1.LogBatchRequest{}) // so that the run is remembered
		want := "Run with id=" + id + " not found"
		_, err := s.GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{Namespace: "other", RunId: id})
		expect(t, err, fault.NotFound, want)
		_, err = s.LogBatch(t.Context(), &metadatav1.LogBatchRequest{Namespace: "other", RunId: id})
		expect(t, err, fault.NotFound, want)
		_, err = s.SetRunStage(t.Context(), &metadatav1.SetRunStageRequest{Namespace: "other", RunId: id})
		expect(t, err, fault.NotFound, want)
		_, err = s.GetMetricHistory(t.Context(), &metadatav1.GetMetricHistoryRequest{Namespace: "other", RunId: id, MetricKey: "loss"})
		expect(t, err, fault.NotFound, want)
	})
}

// A run that is derived from a task may be written a moment after the task began.
func TestADerivedRunIsWaitedFor(t *testing.T) {
	const derived, never, other = "0123456789ab8def8123456789abcdef", "0123456789ab8def8123456789abcdee", "0123456789ab4def8123456789abcdef"
	each(t, func(t *testing.T, s *store) {
		get := func(ctx context.Context, id string) time.Duration {
			begin := time.Now()
			_, err := s.GetRun(ctx, &metadatav1.GetTrackingRunRequest{RunId: id})
			expect(t, err, fault.NotFound, "Run with id="+id+" not found")
			return time.Since(begin)
		}
		logged := make(chan error, 1)
		go func() {
			_, err := s.LogBatch(t.Context(), &metadatav1.LogBatchRequest{RunId: derived, Metrics: points(1, 0)})
			logged <- err
		}()
		for range 10 { // the call above has begun by then
			get(t.Context(), other)
		}
		if err := s.InsertRun(t.Context(), derived); err != nil {
			t.Fatal(err)
		}
		if err := <-logged; err != nil {
			t.Error(err)
		}
		if waited := get(t.Context(), never); waited < 900*time.Millisecond {
			t.Errorf("waited %v for a run that may come, want a second", waited)
		}
	})
}

func TestNobodyWaitsLongerThanTheCall(t *testing.T) {
	s := tracking.New(sqltest.SQLite(t))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := s.GetRun(ctx, &metadatav1.GetTrackingRunRequest{RunId: "0123456789ab8def8123456789abcdef"})
	if err == nil || time.Since(begin) > 900*time.Millisecond {
		t.Errorf("%v after %v, want an error after 50ms", err, time.Since(begin))
	}
}
