package trainingjob

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// What Kubeflow Trainer calls its API and its jobs.
const (
	trainerGroup   = "trainer.kubeflow.org"
	trainerVersion = "v1alpha1"
	trainJobKind   = "TrainJob"
)

// trainJob is the resource of TrainJobs. What runs of one may post how far it has come
// to its status.
func trainJob(jobs trainingv1.TrainingServiceClient) kube.Resource {
	s := &store{jobs: jobs, version: trainerGroup + "/" + trainerVersion, kind: trainJobKind}
	return kube.Resource{
		Group: trainerGroup, Version: trainerVersion, Plural: "trainjobs", Singular: "trainjob", Kind: trainJobKind, Store: s,
		Columns: []kube.Column{kube.LastCondition(), kube.Age()},
		Schema:  schema(jobs, s.version, trainJobKind, "A training job that is made of a runtime."),
		Below:   map[string]func(http.ResponseWriter, *http.Request) error{"status": s.reportStatus},
	}
}

// conditions are the names of those conditions that a TrainJob has. Whether it runs is
// for clients to see from its pods.
var conditions = map[string]string{"Suspended": "Suspended", "Succeeded": "Complete", "Failed": "Failed"}

// trainJobStatus is what became of a job, in Kubeflow Trainer's words.
func trainJobStatus(job *trainingv1.TrainingJob) map[string]any {
	s, held := job.GetStatus(), []any{}
	for _, c := range s.GetConditions() {
		if name := conditions[c.GetType()]; name != "" {
			holds := "False"
			if c.GetStatus() {
				holds = "True"
			}
			held = append(held, map[string]any{
				"type": name, "status": holds, "reason": c.GetReason(), "message": c.GetMessage(), "lastTransitionTime": moment(c.GetLastTransitionTime()),
			})
		}
	}
	out := map[string]any{"jobsStatus": jobsStatus(job)}
	if len(held) > 0 {
		out["conditions"] = held
	}
	if t := s.GetTrainer(); t != nil {
		out["trainerStatus"] = trainerStatus(t)
	}
	return out
}

// jobsStatus counts the jobs that a TrainJob is made of, each of which is a group: it is
// ready, has succeeded or has failed as a whole.
func jobsStatus(job *trainingv1.TrainingJob) []any {
	all := []any{}
	for _, g := range job.GetSpec().GetGroups() {
		counts := job.GetStatus().GetReplicaStatuses()[g.GetType()]
		one := map[string]any{"name": g.GetName(), "ready": 0, "succeeded": 0, "failed": 0, "active": 0, "suspended": 0}
		switch {
		case counts.GetFailed() > 0:
			one["failed"] = 1
		case g.GetCount() > 0 && counts.GetSucceeded() == g.GetCount():
			one["succeeded"] = 1
		case job.GetSpec().GetRunPolicy().GetSuspend():
			one["suspended"] = 1
		case counts.GetActive() > 0:
			one["active"] = 1
			if counts.GetActive()+counts.GetSucceeded() == g.GetCount() {
				one["ready"] = 1
			}
		}
		all = append(all, one)
	}
	return all
}

func trainerStatus(t *trainingv1.TrainerStatus) map[string]any {
	metrics := []any{}
	for _, m := range t.GetMetrics() {
		metrics = append(metrics, map[string]any{"name": m.GetName(), "value": m.GetValue()})
	}
	out := map[string]any{"metrics": metrics, "lastUpdatedTime": moment(t.GetUpdateTime())}
	if t.ProgressPercentage != nil {
		out["progressPercentage"] = t.GetProgressPercentage()
	}
	if left := t.GetEstimatedRemaining(); left != nil {
		out["estimatedRemainingSeconds"] = int64(left.AsDuration() / time.Second)
	}
	return out
}

// reported is what training posts of itself.
type reported struct {
	TrainerStatus *struct {
		Progress  *int32 `json:"progressPercentage"`
		Remaining *int64 `json:"estimatedRemainingSeconds"`
		Metrics   []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"metrics"`
		Updated *time.Time `json:"lastUpdatedTime"`
	} `json:"trainerStatus"`
}

// reportStatus serves a job's status: reading it, and what its training posts.
func (s *store) reportStatus(w http.ResponseWriter, r *http.Request) error {
	namespace, name := r.PathValue("namespace"), r.PathValue("name")
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		object, err := s.Get(r.Context(), namespace, name)
		if err == nil {
			kube.Answer(w, object)
		}
		return err
	}
	if r.Method != http.MethodPost {
		kube.Refuse(w, "the status of trainjobs is posted by their training, and otherwise the server's to say: it follows from what runs")
		return nil
	}
	said, err := readReport(r)
	if err != nil {
		return err
	}
	job, err := s.jobs.ReportTrainerStatus(r.Context(), &trainingv1.ReportTrainerStatusRequest{Namespace: namespace, Name: name, Status: said})
	if err != nil {
		return err
	}
	kube.Answer(w, kube.Object{"trainerStatus": trainerStatus(job.GetStatus().GetTrainer())})
	return nil
}

func readReport(r *http.Request) (*trainingv1.TrainerStatus, error) {
	object, err := kube.Read(r)
	if err != nil {
		return nil, err
	}
	data, err := json.Marshal(object)
	if err != nil {
		return nil, fault.Internalf(err, "a status that was read cannot be written")
	}
	var said reported
	if err := json.Unmarshal(data, &said); err != nil {
		return nil, fault.Invalidf("", "the status cannot be read: %v", err)
	}
	from := said.TrainerStatus
	if from == nil {
		return nil, fault.Invalidf("trainerStatus", "Required value: says how far the training has come")
	}
	out := &trainingv1.TrainerStatus{ProgressPercentage: from.Progress}
	if from.Remaining != nil {
		if *from.Remaining < 0 || *from.Remaining > math.MaxInt32 {
			return nil, fault.Invalidf("trainerStatus.estimatedRemainingSeconds", "Invalid value: %s: must be from 0 to %d",
				strconv.FormatInt(*from.Remaining, 10), math.MaxInt32)
		}
		out.EstimatedRemaining = &durationpb.Duration{Seconds: *from.Remaining}
	}
	for _, m := range from.Metrics {
		out.Metrics = append(out.Metrics, &trainingv1.TrainerMetric{Name: m.Name, Value: m.Value})
	}
	if from.Updated != nil {
		out.UpdateTime = timestamppb.New(*from.Updated)
	}
	return out, nil
}
