package mirror_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	"github.com/kfmesh/kfmesh/internal/trackid"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/mirror"
	"github.com/kfmesh/kfmesh/services/metadata/internal/registry"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqltest"
	"github.com/kfmesh/kfmesh/services/metadata/internal/tracking"
)

const runID = "0b6c2ff4-5f8e-4f6e-9d1e-3a2b1c0d9e8f"

func value(s string) *metadatav1.Value {
	return &metadatav1.Value{Kind: &metadatav1.Value_StringValue{StringValue: s}}
}

func object(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pipelineRun is a run of an experiment.
func pipelineRun(t *testing.T, experiment string) *metadatav1.Context {
	t.Helper()
	parameters := object(t, map[string]any{"rate": 0.5, "name": "x"})
	return &metadatav1.Context{
		Uid: runID, Namespace: "default", Name: "my run", Type: "system.PipelineRun",
		Properties: map[string]*metadatav1.Value{
			"pipeline_name": value("p"), "parameters": {Kind: &metadatav1.Value_StructValue{StructValue: parameters}},
		},
		Parents: []*metadatav1.Context{{Uid: "e-1", Namespace: "default", Name: experiment, Type: "system.Experiment"}},
	}
}

// training is a task that reports two metrics.
func training(t *testing.T, state metadatav1.Execution_State) *metadatav1.PutExecutionRequest {
	t.Helper()
	r := &metadatav1.PutExecutionRequest{Execution: &metadatav1.Execution{
		Uid: "task-1", Name: "train", Namespace: "default", State: state, Context: runID,
		InputParameters: object(t, map[string]any{"epochs": 3.0, "note": strings.Repeat("n", 7000)}),
		StartTime:       timestamppb.New(time.UnixMilli(1000)),
	}}
	if state != metadatav1.Execution_STATE_RUNNING {
		r.Execution.FinishTime = timestamppb.New(time.UnixMilli(2000))
		r.Inputs = []*metadatav1.ArtifactEvent{{Key: "data", Artifact: &metadatav1.Artifact{Uid: "d", Name: "data", Type: "system.Dataset", Uri: "s3://d"}}}
		r.Outputs = []*metadatav1.ArtifactEvent{
			{Key: "metrics", Artifact: &metadatav1.Artifact{Uid: "m", Type: "system.Metrics", Metadata: object(t, map[string]any{"accuracy": 0.9, "text": "no"})}},
			{Key: "matrix", Artifact: &metadatav1.Artifact{Uid: "c", Type: "system.ClassificationMetrics", Metadata: object(t, map[string]any{
				"confidenceMetrics": []any{map[string]any{"confidenceThreshold": 0.5, "recall": 0.2, "falsePositiveRate": 0.1}},
				"confusionMatrix": map[string]any{
					"annotationSpecs": []any{map[string]any{"displayName": "cat"}, map[string]any{"displayName": "dog"}},
					"rows":            []any{map[string]any{"row": []any{1.0, 2.0}}, []any{3.0, 4.0}},
				},
			})}},
		}
	}
	return r
}

func put(t *testing.T, db *sqlstore.DB, run *metadatav1.Context, requests ...*metadatav1.PutExecutionRequest) []*metadatav1.PutExecutionResponse {
	t.Helper()
	responses, err := graph.New(db, mirror.Mirror{}).PutAll(t.Context(), &metadatav1.PutExecutionsRequest{
		Requests: requests, Contexts: []*metadatav1.Context{run},
	})
	if err != nil {
		t.Fatal(err)
	}
	return responses
}

func tracked(t *testing.T, db *sqlstore.DB, id string) *metadatav1.TrackingRun {
	t.Helper()
	run, err := tracking.New(db).GetRun(t.Context(), &metadatav1.GetTrackingRunRequest{RunId: id})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// flat is what a run has, as text.
func flat(run *metadatav1.TrackingRun) string {
	var parts []string
	for _, p := range run.GetParams() {
		parts = append(parts, fmt.Sprintf("param %s=%.20s", p.GetKey(), p.GetValue()))
	}
	for _, m := range run.GetMetrics() {
		parts = append(parts, fmt.Sprintf("metric %s=%v", m.GetKey(), m.GetValue()))
	}
	for _, tag := range run.GetTags() {
		parts = append(parts, fmt.Sprintf("tag %s=%s", tag.GetKey(), tag.GetValue()))
	}
	slices.Sort(parts)
	return strings.Join(parts, "\n")
}

func TestRunAndTaskAreTrackedRuns(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		task := trackid.Task("task-1")
		put(t, db, pipelineRun(t, "mine"), training(t, metadatav1.Execution_STATE_RUNNING))
		if r := tracked(t, db, task); r.GetInfo().GetStatus() != metadatav1.TrackingRunInfo_STATUS_RUNNING || r.GetInfo().EndTime != nil {
			t.Errorf("a task that runs is %v", r.GetInfo())
		}
		put(t, db, pipelineRun(t, "mine"), training(t, metadatav1.Execution_STATE_COMPLETE))
		put(t, db, pipelineRun(t, "mine"), training(t, metadatav1.Execution_STATE_COMPLETE)) // again: no difference
		parent, nested := tracked(t, db, trackid.Run(runID)), tracked(t, db, task)
		if want := trackid.Experiment("default", "e-1", "mine"); parent.GetInfo().GetExperimentId() != want || nested.GetInfo().GetExperimentId() != want {
			t.Errorf("experiments %s and %s, want %s", parent.GetInfo().GetExperimentId(), nested.GetInfo().GetExperimentId(), want)
		}
		if nested.GetInfo().GetStatus() != metadatav1.TrackingRunInfo_STATUS_FINISHED || nested.GetInfo().GetEndTime() != 2000 || nested.GetInfo().GetRunName() != "train" {
			t.Errorf("the task is %v", nested.GetInfo())
		}
		for _, want := range []string{"param rate=0.5", "param name=x", "tag kfmesh.run_id=" + runID, "tag mlflow.runName=my run"} {
			if !strings.Contains(flat(parent), want) {
				t.Errorf("the run lacks %q:\n%s", want, flat(parent))
			}
		}
		for _, want := range []string{
			"param epochs=3", "param note=nnn", "metric accuracy=0.9", "metric matrix.confusion_matrix.cat.dog=2", "metric matrix.confusion_matrix.dog.cat=3",
			"metric matrix.roc.recall=0.2", "tag mlflow.parentRunId=" + trackid.Run(runID), "tag kfmesh.task_id=task-1",
		} {
			if !strings.Contains(flat(nested), want) {
				t.Errorf("the task lacks %q:\n%s", want, flat(nested))
			}
		}
		if len(nested.GetDatasetInputs()) != 1 {
			t.Errorf("the task reads %v", nested.GetDatasetInputs())
		}
	})
}

// TestLoggedMetricsComeBack: what a step logged itself is an output of it, once.
func TestLoggedMetricsComeBack(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		put(t, db, pipelineRun(t, "Default"), training(t, metadatav1.Execution_STATE_RUNNING))
		task := trackid.Task("task-1")
		if tracked(t, db, task).GetInfo().GetExperimentId() != "0" {
			t.Errorf("the default experiment is another in tracking")
		}
		_, err := tracking.New(db).LogBatch(t.Context(), &metadatav1.LogBatchRequest{RunId: task, Metrics: []*metadatav1.Metric{
			{Key: "loss", Value: 2, Step: 1, Timestamp: 1}, {Key: "loss", Value: 1, Step: 2, Timestamp: 2},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			response := put(t, db, pipelineRun(t, "Default"), training(t, metadatav1.Execution_STATE_COMPLETE))[0]
			if len(response.GetAddedOutputs()) != 1 {
				t.Fatalf("added %v", response.GetAddedOutputs())
			}
			added := response.GetAddedOutputs()[0]
			fields := added.GetArtifact().GetMetadata().GetFields()
			if added.GetKey() != mirror.LoggedKey || len(fields) != 1 || fields["loss"].GetNumberValue() != 1 || added.GetArtifact().GetArtifactId() == 0 {
				t.Errorf("added %v", added)
			}
			events, err := graph.New(db).Events(t.Context(), response.GetExecutionId(), added.GetArtifact().GetArtifactId())
			if err != nil || len(events) != 1 {
				t.Errorf("events %v, %v", events, err)
			}
		}
	})
}

func TestTakenNamesOfExperiments(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		store := tracking.New(db)
		if _, err := store.CreateExperiment(t.Context(), &metadatav1.CreateExperimentRequest{Name: "mine"}); err != nil {
			t.Fatal(err)
		}
		put(t, db, pipelineRun(t, "mine"), training(t, metadatav1.Execution_STATE_CACHED))
		e, err := store.GetExperiment(t.Context(), &metadatav1.GetTrackingExperimentRequest{ExperimentId: trackid.Experiment("default", "e-1", "mine")})
		if err != nil || e.GetName() != "mine (pipelines)" {
			t.Errorf("experiment %v, %v", e, err)
		}
		if text := flat(tracked(t, db, trackid.Task("task-1"))); !strings.Contains(text, "tag kfmesh.cached=true") {
			t.Errorf("a cached task has\n%s", text)
		}
	})
}

// TestStateOfARun: what events tell reaches the tracked run, the end and the return.
func TestStateOfARun(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		put(t, db, pipelineRun(t, "mine"), training(t, metadatav1.Execution_STATE_COMPLETE))
		for _, tt := range []struct {
			state   string
			deleted bool
			want    metadatav1.TrackingRunInfo_Status
			stage   metadatav1.Stage
		}{
			{"FAILED", false, metadatav1.TrackingRunInfo_STATUS_FAILED, metadatav1.Stage_STAGE_ACTIVE},
			{"RUNNING", false, metadatav1.TrackingRunInfo_STATUS_RUNNING, metadatav1.Stage_STAGE_ACTIVE},
			{"SUCCEEDED", false, metadatav1.TrackingRunInfo_STATUS_FINISHED, metadatav1.Stage_STAGE_ACTIVE},
			{"SUCCEEDED", true, metadatav1.TrackingRunInfo_STATUS_FINISHED, metadatav1.Stage_STAGE_DELETED},
		} {
			run := pipelineRun(t, "mine")
			run.Properties["state"] = value(tt.state)
			run.Properties["end_time"] = &metadatav1.Value{Kind: &metadatav1.Value_IntValue{IntValue: 7}}
			run.Properties["deleted"] = &metadatav1.Value{Kind: &metadatav1.Value_BoolValue{BoolValue: tt.deleted}}
			if err := db.Write(t.Context(), func(tx *sqlstore.Tx) error { return mirror.SetRun(t.Context(), tx, run) }); err != nil {
				t.Fatal(err)
			}
			got := tracked(t, db, trackid.Run(runID)).GetInfo()
			running := tt.state == "RUNNING"
			if got.GetStatus() != tt.want || got.GetStage() != tt.stage || (got.EndTime == nil) != running {
				t.Errorf("%v gives %v", tt, got)
			}
			if nested := tracked(t, db, trackid.Task("task-1")).GetInfo(); nested.GetStage() != tt.stage {
				t.Errorf("%v gives the task %v", tt, nested)
			}
		}
	})
}

// TestReusedTaskHasWhatTheOtherLogged: the run of a task that was answered from the
// cache has the metrics that the one it was answered with logged, and its output is
// the same artifact.
func TestReusedTaskHasWhatTheOtherLogged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		put(t, db, pipelineRun(t, "Default"), training(t, metadatav1.Execution_STATE_RUNNING))
		_, err := tracking.New(db).LogBatch(t.Context(), &metadatav1.LogBatchRequest{
			RunId: trackid.Task("task-1"), Metrics: []*metadatav1.Metric{{Key: "loss", Value: 0.5, Timestamp: 1}, {Key: "accuracy", Value: 0.1, Timestamp: 1}},
		})
		if err != nil {
			t.Fatal(err)
		}
		first := put(t, db, pipelineRun(t, "Default"), training(t, metadatav1.Execution_STATE_COMPLETE))[0]
		var again []*metadatav1.PutExecutionRequest
		for _, uid := range []string{"task-2", "task-3"} { // in one call
			request := training(t, metadatav1.Execution_STATE_CACHED)
			request.Execution.Uid = uid
			request.Execution.CustomProperties = map[string]*metadatav1.Value{mirror.CachedFrom: value("task-1")}
			again = append(again, request)
		}
		for i, response := range put(t, db, pipelineRun(t, "Default"), again...) {
			if len(response.GetAddedOutputs()) != 1 ||
				response.GetAddedOutputs()[0].GetArtifact().GetArtifactId() != first.GetAddedOutputs()[0].GetArtifact().GetArtifactId() {
				t.Errorf("%s has %v, want the artifact of the first, %v", again[i].GetExecution().GetUid(), response.GetAddedOutputs(), first.GetAddedOutputs())
			}
			text := flat(tracked(t, db, trackid.Task(again[i].GetExecution().GetUid())))
			for _, want := range []string{"metric loss=0.5", "metric accuracy=0.9"} { // the latter is its output
				if !strings.Contains(text, want) {
					t.Errorf("it lacks %q:\n%s", want, text)
				}
			}
		}
	})
}

// TestModelOfATaskIsALoggedModel: of the run that made it, known to the run that was
// answered with it and to the one that reads it, and it can be registered.
func TestModelOfATaskIsALoggedModel(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqlstore.DB) {
		weights := &metadatav1.ArtifactEvent{Key: "model", Artifact: &metadatav1.Artifact{Uid: "w", Name: "big/model", Type: "system.Model", Uri: "s3://models/w"}}
		makes := training(t, metadatav1.Execution_STATE_COMPLETE)
		makes.Outputs = append(makes.Outputs, weights, &metadatav1.ArtifactEvent{Key: "empty", Artifact: &metadatav1.Artifact{Uid: "e", Type: "system.Model"}})
		reuses, reads := training(t, metadatav1.Execution_STATE_CACHED), training(t, metadatav1.Execution_STATE_COMPLETE)
		reuses.Execution.Uid, reads.Execution.Uid = "task-2", "task-3"
		reuses.Outputs, reads.Inputs = append(reuses.Outputs, weights), append(reads.Inputs, weights)
		for range 2 { // again: no difference
			put(t, db, pipelineRun(t, "mine"), makes, reuses, reads)
		}
		id, made := trackid.Model("w"), trackid.Task("task-1")
		found, err := tracking.New(db).GetModel(t.Context(), &metadatav1.GetLoggedModelRequest{ModelId: id})
		if err != nil || found.GetName() != "big_model" || found.GetSourceRunId() != made || found.GetArtifactUri() != "s3://models/w" ||
			found.GetStatus() != metadatav1.LoggedModel_STATUS_READY || found.GetExperimentId() != tracked(t, db, made).GetInfo().GetExperimentId() {
			t.Fatalf("the model is %v, %v", found, err)
		}
		for task, want := range map[string]string{"task-1": id + " made", "task-2": id + " made", "task-3": id + " read"} {
			run := tracked(t, db, trackid.Task(task))
			var got []string
			for _, m := range run.GetModelOutputs() {
				got = append(got, m.GetModelId()+" made")
			}
			for _, m := range run.GetModelInputs() {
				got = append(got, m.GetModelId()+" read")
			}
			if strings.Join(got, ", ") != want {
				t.Errorf("%s has %v, want %s", task, got, want)
			}
		}
		models := registry.New(db)
		if _, err := models.CreateModel(t.Context(), &metadatav1.CreateRegisteredModelRequest{Model: &metadatav1.RegisteredModel{Name: "iris"}}); err != nil {
			t.Fatal(err)
		}
		version, err := models.CreateVersion(t.Context(), &metadatav1.CreateModelVersionRequest{
			MlflowRules: true, Version: &metadatav1.ModelVersion{ModelName: "iris", Source: "models:/" + id},
		})
		if err != nil || version.GetArtifactUri() != "s3://models/w" || version.GetRunId() != made {
			t.Errorf("the version is %v, %v", version, err)
		}
	})
}
