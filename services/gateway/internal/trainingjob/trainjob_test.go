package trainingjob

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

func TestTrainJobObject(t *testing.T) {
	at := timestamppb.New(time.Unix(1_700_000_000, 0))
	object, err := Object(&trainingv1.TrainingJob{
		ApiVersion: "trainer.kubeflow.org/v1alpha1", Kind: trainJobKind,
		Manifest: `{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"TrainJob","metadata":{"name":"j"},"spec":{"runtimeRef":{"name":"r"}}}`,
		Metadata: &metav1.ObjectMeta{Namespace: "ns", Name: "j", Uid: "u", Generation: 1, ResourceVersion: 3, CreateTime: at},
		Spec:     &trainingv1.TrainingJobSpec{Groups: []*trainingv1.JobGroup{{Type: "node", Name: "node", Count: 2, Stage: 1}, {Type: "fetch", Name: "fetch", Count: 1}}},
		Status: &trainingv1.TrainingJobStatus{
			Conditions: []*trainingv1.JobCondition{
				{Type: "Created", Status: true, Reason: "TrainJobCreated"},
				{Type: "Suspended", Reason: "Resumed", Message: "on", LastTransitionTime: at},
				{Type: "Succeeded", Status: true, Reason: "AllJobsCompleted", Message: "done", LastTransitionTime: at},
			},
			ReplicaStatuses: map[string]*trainingv1.ReplicaCounts{"node": {Active: 2}, "fetch": {Succeeded: 1}},
			Trainer: &trainingv1.TrainerStatus{
				ProgressPercentage: proto.Int32(40), EstimatedRemaining: &durationpb.Duration{Seconds: 9},
				Metrics: []*trainingv1.TrainerMetric{{Name: "loss", Value: "0.5"}}, UpdateTime: at,
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.MarshalIndent(object["status"], "", " ")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{
 "conditions": [
  {
   "lastTransitionTime": "2023-11-14T22:13:20Z",
   "message": "on",
   "reason": "Resumed",
   "status": "False",
   "type": "Suspended"
  },
  {
   "lastTransitionTime": "2023-11-14T22:13:20Z",
   "message": "done",
   "reason": "AllJobsCompleted",
   "status": "True",
   "type": "Complete"
  }
 ],
 "jobsStatus": [
  {
   "active": 1,
   "failed": 0,
   "name": "node",
   "ready": 1,
   "succeeded": 0,
   "suspended": 0
  },
  {
   "active": 0,
   "failed": 0,
   "name": "fetch",
   "ready": 0,
   "succeeded": 1,
   "suspended": 0
  }
 ],
 "trainerStatus": {
  "estimatedRemainingSeconds": 9,
  "lastUpdatedTime": "2023-11-14T22:13:20Z",
  "metrics": [
   {
    "name": "loss",
    "value": "0.5"
   }
  ],
  "progressPercentage": 40
 }
}`
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestReadReport(t *testing.T) {
	for body, wrong := range map[string]string{
		`{"trainerStatus":{"progressPercentage":5,"metrics":[{"name":"a","value":"1"}],"lastUpdatedTime":"2026-01-01T00:00:00.123456+00:00"}}`: "",
		`{}`: "says how far",
		`{"trainerStatus":{"estimatedRemainingSeconds":-1}}`: "must be from 0",
		`{"trainerStatus":{"progressPercentage":"much"}}`:    "cannot be read",
		`[`: "neither JSON nor YAML",
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		_, err := readReport(r)
		if wrong == "" && err != nil || wrong != "" && (err == nil || !strings.Contains(err.Error(), wrong)) {
			t.Errorf("%s: %v; want %q", body, err, wrong)
		}
	}
}
