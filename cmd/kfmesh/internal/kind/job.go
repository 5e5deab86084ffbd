package kind

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// kubeflowKinds are Kubeflow's kinds of jobs.
var kubeflowKinds = []string{"TFJob", "PyTorchJob", "MXJob", "XGBoostJob", "MPIJob", "PaddleJob", "JAXJob", "TrainJob"}

// jobKind is the one of Kubeflow's kinds that a word means, as kubectl takes it: "pytorchjob",
// "pytorchjobs" or "pytorchjobs.kubeflow.org". It is empty when the word means none.
func jobKind(word string) string {
	word, _, _ = strings.Cut(strings.ToLower(word), ".")
	for _, k := range kubeflowKinds {
		if one := strings.ToLower(k); word == one || word == one+"s" {
			return k
		}
	}
	return ""
}

// jobsOf is the kind of jobs of one of Kubeflow's kinds, whose names are ids.
func jobsOf(of string) *Kind {
	k := Jobs()
	k.List = func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
		return listJobs(ctx, c, of, q)
	}
	k.Get = func(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
		return getJob(ctx, c, namespace, strings.ToLower(of)+"/"+strings.TrimPrefix(id, strings.ToLower(of)+"/"))
	}
	return k
}

// Jobs is the kind of training jobs, of all of Kubeflow's kinds. Their names are
// unique within one of those, so an id is "pytorchjob/NAME".
func Jobs() *Kind {
	return &Kind{
		Singular: "job", Plural: "jobs", Short: []string{"j", "trainingjob", "trainingjobs"},
		Named: true,
		Whole: true,
		Flags: []string{"state", "selector"},
		Columns: []Column{
			column("NAME", jobName),
			column("KIND", (*trainingv1.TrainingJob).GetKind),
			stateColumn("STATE", JobState),
			column("REPLICAS", jobReplicas),
			timedColumn("DURATION", func(j *trainingv1.TrainingJob, t *output.Terminal) string {
				return output.Elapsed(j.GetStatus().GetStartTime(), j.GetStatus().GetCompletionTime(), t.Now())
			}),
			timedColumn("AGE", func(j *trainingv1.TrainingJob, t *output.Terminal) string {
				return output.Age(j.GetMetadata().GetCreateTime(), t.Now())
			}),
			column("MESSAGE", func(j *trainingv1.TrainingJob) string { return j.GetStatus().GetMessage() }),
			wide(column("METRICS", jobMetrics)),
			spread(column("NAMESPACE", func(j *trainingv1.TrainingJob) string { return j.GetMetadata().GetNamespace() })),
			wide(column("ATTEMPT", func(j *trainingv1.TrainingJob) string { return fmt.Sprint(j.GetStatus().GetAttempt()) })),
			wide(column("WORKLOAD", func(j *trainingv1.TrainingJob) string { return j.GetStatus().GetWorkload() })),
		},
		ID:   func(m proto.Message) string { return jobID(m.(*trainingv1.TrainingJob)) },
		Name: func(m proto.Message) string { return jobName(m.(*trainingv1.TrainingJob)) },
		List: func(ctx context.Context, c *client.Client, q Query) ([]proto.Message, error) {
			return listJobs(ctx, c, "", q)
		},
		Widen:    widenJobs,
		Get:      getJob,
		Describe: describeJob,
		Delete: func(ctx context.Context, c *client.Client, m proto.Message, _ DeleteOptions) error {
			job := m.(*trainingv1.TrainingJob)
			_, err := c.Jobs.DeleteTrainingJob(ctx, &trainingv1.DeleteTrainingJobRequest{
				Namespace: job.GetMetadata().GetNamespace(), Kind: job.GetKind(), Name: jobName(job), Uid: job.GetMetadata().GetUid(),
			})
			return err
		},
	}
}

func jobName(j *trainingv1.TrainingJob) string { return j.GetMetadata().GetName() }

func jobID(j *trainingv1.TrainingJob) string { return strings.ToLower(j.GetKind()) + "/" + jobName(j) }

// listJobs lists the newest jobs: a few as the service gives them, and others out of the whole
// list, which is quicker by name.
func listJobs(ctx context.Context, c *client.Client, of string, q Query) ([]proto.Message, error) {
	few := q.Limit > 0 && q.State == "" && q.Labels == nil
	limit := 0
	if few {
		limit = q.Limit
	}
	jobs, err := client.Collect(limit, func(size int32, token string) ([]*trainingv1.TrainingJob, string, error) {
		page, err := c.Jobs.ListTrainingJobs(ctx, &trainingv1.ListTrainingJobsRequest{
			Namespace: q.Namespace, Kind: of, PageSize: size, PageToken: token, NewestFirst: few,
		})
		return page.GetJobs(), page.GetNextPageToken(), err
	})
	jobs = slices.DeleteFunc(jobs, func(j *trainingv1.TrainingJob) bool {
		return q.State != "" && JobState(j) != q.State || !q.labelled(j.GetMetadata().GetLabels())
	})
	slices.SortStableFunc(jobs, func(a, b *trainingv1.TrainingJob) int {
		return cmp.Compare(b.GetMetadata().GetCreateTime().AsTime().UnixNano(), a.GetMetadata().GetCreateTime().AsTime().UnixNano())
	})
	if q.Limit > 0 && len(jobs) > q.Limit {
		jobs = jobs[:q.Limit]
	}
	return messages(jobs), err
}

func getJob(ctx context.Context, c *client.Client, namespace, id string) (proto.Message, error) {
	kind, name, ok := strings.Cut(id, "/")
	if !ok {
		return nil, fault.NotFoundf("%q names no kind of job", id)
	}
	return c.Jobs.GetTrainingJob(ctx, &trainingv1.GetTrainingJobRequest{Namespace: namespace, Kind: kind, Name: name})
}

// jobStates are conditions as states, the one that says most first.
var jobStates = []string{"Failed", "Succeeded", "Suspended", "Restarting", "Running"}

// JobState is a job's state as people read it.
func JobState(j *trainingv1.TrainingJob) string {
	for _, state := range jobStates {
		for _, c := range j.GetStatus().GetConditions() {
			if c.GetType() == state && c.GetStatus() {
				return strings.ToUpper(state)
			}
		}
	}
	return "PENDING"
}

// jobReplicas counts those that run, or ran to success, of all.
func jobReplicas(j *trainingv1.TrainingJob) string {
	var good, total int32
	for _, g := range j.GetSpec().GetGroups() {
		total += g.GetCount()
		counts := j.GetStatus().GetReplicaStatuses()[g.GetType()]
		good += counts.GetActive() + counts.GetSucceeded()
	}
	return fmt.Sprintf("%d/%d", good, total)
}
