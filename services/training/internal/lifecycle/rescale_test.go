package lifecycle

import (
	"testing"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// elastic is a job of a master and two workers that may come and go, and its workload.
func elastic() (*trainingv1.TrainingJob, *gpuagentv1.Workload) {
	job := newWorld(onFailure, nil).job
	job.Spec.Groups[1].Independent = true
	job.Spec.Elastic = &trainingv1.ElasticPolicy{MinReplicas: 1, MaxReplicas: 4}
	job.Status = &trainingv1.TrainingJobStatus{Attempt: 1, Submitted: true}
	bounds := &gpuagentv1.Template{Env: []*gpuagentv1.EnvVar{{Name: "PET_NNODES", Value: "1:4"}}}
	return job, &gpuagentv1.Workload{
		Spec: &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{
			{Name: "master", Count: 1, Template: bounds}, {Name: "worker", Count: 2, Independent: true, Template: bounds},
		}},
		Status: &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_RUNNING, Epoch: 1, Replicas: []*gpuagentv1.ReplicaStatus{
			{Group: "master", Phase: gpuagentv1.Phase_PHASE_RUNNING},
			{Group: "worker", Phase: gpuagentv1.Phase_PHASE_RUNNING},
			{Group: "worker", Index: 1, Phase: gpuagentv1.Phase_PHASE_RUNNING},
		}},
	}
}

func TestAnotherNumberOfReplicas(t *testing.T) {
	for name, try := range map[string]struct {
		change func(*trainingv1.TrainingJobSpec)
		want   Action
	}{
		"none":                {func(*trainingv1.TrainingJobSpec) {}, Nothing},
		"more workers":        {func(s *trainingv1.TrainingJobSpec) { s.Groups[1].Count = 4 }, Scale},
		"fewer":               {func(s *trainingv1.TrainingJobSpec) { s.Groups[1].Count = 1 }, Scale},
		"within new bounds":   {func(s *trainingv1.TrainingJobSpec) { s.Groups[1].Count, s.Elastic.MaxReplicas = 6, 6 }, Stop},
		"no workers any more": {func(s *trainingv1.TrainingJobSpec) { s.Groups[1].Count = 0 }, Stop},
		"not of the workers alone": {func(s *trainingv1.TrainingJobSpec) {
			s.Groups[0].Count, s.Groups[1].Count = 2, 3
		}, Stop},
		"of dependent ones": {func(s *trainingv1.TrainingJobSpec) { s.Groups[1].Count, s.Groups[1].Independent = 3, false }, Stop},
	} {
		job, w := elastic()
		try.change(job.Spec)
		step := Next(job, w, newWorld(onFailure, nil).now)
		if step.Action != try.want {
			t.Errorf("%s: %d, want %d", name, step.Action, try.want)
		}
		if to, can := Rescale(job, w); can != (try.want == Scale) || can && (to.Group != "worker" || to.Count != job.Spec.Groups[1].Count) {
			t.Errorf("%s: %v, %v", name, to, can)
		}
	}
}

func TestOneThatLeavesDoesNotDecide(t *testing.T) {
	job, w := elastic()
	job.Spec.SuccessPolicy = &trainingv1.SuccessPolicy{Group: "worker", Rule: trainingv1.SuccessRule_SUCCESS_RULE_ANY}
	for _, phase := range []gpuagentv1.Phase{gpuagentv1.Phase_PHASE_FAILED, gpuagentv1.Phase_PHASE_SUCCEEDED} {
		w := proto.CloneOf(w)
		w.Status.Replicas[2].Phase, w.Status.Replicas[2].Leaving = phase, true
		if step := Next(job, w, newWorld(onFailure, nil).now); Ended(step.Status) || step.Status.GetReplicaStatuses()["Worker"].GetActive() != 1 {
			t.Errorf("%v ends the job: %v", phase, step.Status)
		}
		w.Status.Replicas[2].Leaving = false
		if step := Next(job, w, newWorld(onFailure, nil).now); !Ended(step.Status) {
			t.Errorf("%v of one that stays does not end the job: %v", phase, step.Status)
		}
	}
}

func TestAJobSaysWhatItLacks(t *testing.T) {
	job, w := elastic()
	w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{
		Group: "worker", Index: 2, Phase: gpuagentv1.Phase_PHASE_PENDING, Message: "waits for 1 GPU",
	})
	if got := Next(job, w, newWorld(onFailure, nil).now).Status.GetMessage(); got != "worker-2: waits for 1 GPU" {
		t.Errorf("it says %q", got)
	}
	w.Status.Replicas[3].Phase, w.Status.Replicas[3].Leaving = gpuagentv1.Phase_PHASE_RUNNING, true
	if got := Next(job, w, newWorld(onFailure, nil).now).Status.GetMessage(); got != "worker-2 is stopped: there are to be fewer replicas" {
		t.Errorf("it says %q", got)
	}
}
