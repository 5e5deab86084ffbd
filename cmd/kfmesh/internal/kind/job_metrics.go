package kind

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// runsAtATime is how many tracked runs are asked for at a time.
const runsAtATime = 100

// defaultExperiment is the id of the experiment that jobs are runs of.
const defaultExperiment = "0"

// shownMetrics is how many metrics a cell has room for.
const shownMetrics = 3

// trackedFields are the tracked run that a job is, if it is one, and the latest points of its
// metrics. Where that cannot be read it says so: the rest of the job is shown.
func trackedFields(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob) [][2]string {
	if job.GetTrackingRun() == "" { // of a service that knows of none
		return nil
	}
	run, err := c.Tracking.GetTrackingRun(ctx, &metadatav1.GetTrackingRunRequest{
		Namespace: job.GetMetadata().GetNamespace(), RunId: job.GetTrackingRun(),
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return [][2]string{{"Metrics", "cannot be read: " + err.Error()}}
	}
	fields := [][2]string{{"Tracked run", run.GetInfo().GetRunId()}}
	for _, m := range run.GetMetrics() {
		fields = append(fields, [2]string{"Metric " + m.GetKey(), fmt.Sprintf("%s at step %d", number(m.GetValue()), m.GetStep())})
	}
	return fields
}

func number(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// jobMetrics are the first few metrics of a job.
func jobMetrics(job *trainingv1.TrainingJob) string {
	var all []string
	for i, m := range job.GetStatus().GetTrainer().GetMetrics() {
		if i == shownMetrics {
			all = append(all, "...")
			break
		}
		all = append(all, m.GetName()+"="+m.GetValue())
	}
	return strings.Join(all, ", ")
}

// widenJobs adds the latest metrics of their tracked runs to jobs, in place of what they
// would report themselves.
func widenJobs(ctx context.Context, c *client.Client, found []proto.Message) error {
	byNamespace := map[string][]*trainingv1.TrainingJob{}
	for _, m := range found {
		if job := m.(*trainingv1.TrainingJob); len(job.GetStatus().GetTrainer().GetMetrics()) == 0 && job.GetTrackingRun() != "" {
			byNamespace[job.GetMetadata().GetNamespace()] = append(byNamespace[job.GetMetadata().GetNamespace()], job)
		}
	}
	for namespace, jobs := range byNamespace {
		for part := range slices.Chunk(jobs, runsAtATime) {
			if err := addMetrics(ctx, c, namespace, part); err != nil {
				return err
			}
		}
	}
	return nil
}

func addMetrics(ctx context.Context, c *client.Client, namespace string, jobs []*trainingv1.TrainingJob) error {
	byID, quoted := map[string]*trainingv1.TrainingJob{}, make([]string, len(jobs))
	for i, job := range jobs {
		id := job.GetTrackingRun()
		byID[id], quoted[i] = job, "'"+id+"'"
	}
	page, err := c.Tracking.SearchRuns(ctx, &metadatav1.SearchRunsRequest{
		Namespace: namespace, ExperimentIds: []string{defaultExperiment},
		Filter: "run_id IN (" + strings.Join(quoted, ",") + ")", MaxResults: runsAtATime,
	})
	if fault.Is(err, fault.NotFound) { // the namespace has tracked nothing
		return nil
	}
	if err != nil {
		return err
	}
	for _, run := range page.GetRuns() {
		job := byID[run.GetInfo().GetRunId()]
		if job == nil || len(run.GetMetrics()) == 0 {
			continue
		}
		if job.GetStatus().GetTrainer() == nil {
			job.Status.Trainer = &trainingv1.TrainerStatus{}
		}
		for _, m := range run.GetMetrics() {
			job.Status.Trainer.Metrics = append(job.Status.Trainer.Metrics, &trainingv1.TrainerMetric{Name: m.GetKey(), Value: number(m.GetValue())})
		}
	}
	return nil
}
