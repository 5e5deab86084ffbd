package lifecycle

import (
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// staged is a TrainJob that fetches data before it trains on two nodes.
func staged() *trainingv1.TrainingJob {
	return &trainingv1.TrainingJob{
		Kind: "TrainJob", Metadata: &metav1.ObjectMeta{Name: "j", Uid: "u", Generation: 1},
		Spec: &trainingv1.TrainingJobSpec{
			Groups: []*trainingv1.JobGroup{
				{Type: "node", Name: "node", Count: 2, RestartPolicy: onFailure, Stage: 1},
				{Type: "fetch", Name: "fetch", Count: 1, RestartPolicy: onFailure},
			},
			RunPolicy:     &trainingv1.RunPolicy{},
			SuccessPolicy: &trainingv1.SuccessPolicy{Group: "node", Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL},
		},
	}
}

// ran is a workload of one group all of whose replicas have come to a phase.
func ran(group string, count int32, phase gpuagentv1.Phase) *gpuagentv1.Workload {
	w := &gpuagentv1.Workload{
		Spec:   &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{{Name: group, Count: count}}},
		Status: &gpuagentv1.WorkloadStatus{Phase: phase, StartTime: timestamppb.New(time.Unix(1, 0))},
	}
	for i := range count {
		w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{Group: group, Index: i, Phase: phase})
	}
	return w
}

func TestStages(t *testing.T) {
	const (
		running   = gpuagentv1.Phase_PHASE_RUNNING
		succeeded = gpuagentv1.Phase_PHASE_SUCCEEDED
		failed    = gpuagentv1.Phase_PHASE_FAILED
	)
	now := time.Unix(1_700_000_000, 0)
	job := staged()
	look := func(w *gpuagentv1.Workload) Step {
		t.Helper()
		step := Next(job, w, now)
		job.Status = step.Status
		return step
	}
	for i, c := range []struct {
		workload       *gpuagentv1.Workload
		action         Action
		attempt, stage int32
	}{
		{nil, Submit, 1, 0},
		{ran("fetch", 1, running), Nothing, 1, 0},
		{ran("fetch", 1, succeeded), Submit, 1, 1},
		{ran("node", 2, running), Nothing, 1, 1},
		{ran("node", 2, failed), Nothing, 2, 1}, // after a pause, and the data is there
	} {
		step := look(c.workload)
		if s := step.Status; step.Action != c.action || s.GetAttempt() != c.attempt || s.GetStage() != c.stage {
			t.Fatalf("step %d: action %d of attempt %d, stage %d; want %+v", i, step.Action, s.GetAttempt(), s.GetStage(), c)
		}
	}
	if n := job.GetStatus().GetReplicaStatuses()["fetch"].GetSucceeded(); n != 1 {
		t.Errorf("%d replicas of the stage that is done have succeeded; want 1", n)
	}
	now = now.Add(time.Minute)
	if step := look(nil); step.Action != Submit {
		t.Fatalf("after the pause the action is %d; want a submit", step.Action)
	}
	look(ran("node", 2, succeeded))
	if c := job.GetStatus().GetConditions(); !Is(job.GetStatus(), Succeeded) || c[len(c)-1].GetReason() != "AllJobsCompleted" {
		t.Errorf("the job ends with %v", c)
	}
}

func TestReasonsOfTrainJobs(t *testing.T) {
	job := staged()
	job.Spec.RunPolicy.Suspend = true
	step := Next(job, nil, time.Unix(10, 0))
	job.Status, job.Spec.RunPolicy.Suspend = step.Status, false
	for _, want := range []string{"Suspended", "Resumed"} {
		for _, c := range job.GetStatus().GetConditions() {
			if c.GetType() == Suspended && c.GetReason() != want {
				t.Errorf("the reason is %q; want %q", c.GetReason(), want)
			}
		}
		job.Status = Next(job, nil, time.Unix(20, 0)).Status
	}
}
