package kind

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// describeJob prints a job: what it came through, and how its replicas fare.
func describeJob(ctx context.Context, c *client.Client, term *output.Terminal, m proto.Message) error {
	job := m.(*trainingv1.TrainingJob)
	meta, spec, status := job.GetMetadata(), job.GetSpec(), job.GetStatus()
	workload, err := workloadOf(ctx, c, job)
	if err != nil {
		return err
	}
	s := &sheet{term: term}
	fields := [][2]string{
		{"Job", jobName(job)},
		{"Kind", job.GetKind() + ", " + job.GetApiVersion()},
		{"Namespace", meta.GetNamespace()},
		{"State", JobState(job)},
		{"Message", status.GetMessage()},
		{"Attempt", attempt(status)},
		{"Workload", status.GetWorkload()},
		{"Queue", spec.GetRunPolicy().GetScheduling().GetQueue()},
		{"Created", output.Moment(meta.GetCreateTime(), term.Now())},
		{"Started", output.Moment(status.GetStartTime(), term.Now())},
		{"Finished", output.Moment(status.GetCompletionTime(), term.Now())},
		{"Duration", output.Elapsed(status.GetStartTime(), status.GetCompletionTime(), term.Now())},
	}
	if t := status.GetTrainer(); t != nil {
		fields = append(fields, trainerFields(t, term)...)
	}
	s.fields(append(fields, trackedFields(ctx, c, job)...)...)
	s.lines("labels", pairs(meta.GetLabels()))
	s.table("groups", groupTable(job))
	s.table("conditions", conditionTable(term, status.GetConditions()))
	s.table("replicas", replicaTable(term, workload))
	s.table("events", eventTable(term, status.GetHappenings()))
	s.lines("warnings", cleaned(append(job.GetWarnings(), workload.GetStatus().GetWarnings()...)))
	for _, replica := range workload.GetStatus().GetReplicas() {
		if tail := strings.TrimRight(replica.GetLogTail(), "\n"); tail != "" {
			s.lines("end of the log of "+replicaName(replica), cleaned(strings.Split(tail, "\n")))
		}
	}
	return s.print()
}

// trainerFields are what a job's training says of itself.
func trainerFields(t *trainingv1.TrainerStatus, term *output.Terminal) [][2]string {
	var fields [][2]string
	if t.ProgressPercentage != nil {
		fields = append(fields, [2]string{"Progress", fmt.Sprintf("%d%%", t.GetProgressPercentage())})
	}
	if left := t.GetEstimatedRemaining(); left != nil {
		fields = append(fields, [2]string{"Remaining", left.AsDuration().String()})
	}
	for _, m := range t.GetMetrics() {
		fields = append(fields, [2]string{"Metric " + m.GetName(), m.GetValue()})
	}
	return append(fields, [2]string{"Reported", output.Moment(t.GetUpdateTime(), term.Now())})
}

// workloadOf returns the workload of a job's present attempt, from the archive if the job is
// there; nil when there is none.
func workloadOf(ctx context.Context, c *client.Client, job *trainingv1.TrainingJob) (*gpuagentv1.Workload, error) {
	if !job.GetStatus().GetSubmitted() {
		return nil, nil
	}
	namespace, name := job.GetMetadata().GetNamespace(), job.GetStatus().GetWorkload()
	w, err := c.Workloads.GetWorkload(ctx, &gpuagentv1.GetWorkloadRequest{Namespace: namespace, Name: name})
	if !fault.Is(err, fault.NotFound) {
		return w, err
	}
	ran, err := c.Jobs.ListArchivedWorkloads(ctx, &trainingv1.ListArchivedWorkloadsRequest{
		Namespace: namespace, Names: []string{job.GetMetadata().GetName()},
	})
	for _, w := range ran.GetWorkloads() {
		if w.GetMetadata().GetName() == name {
			return w, nil
		}
	}
	return nil, err
}

func attempt(s *trainingv1.TrainingJobStatus) string {
	switch n := s.GetAttempt(); {
	case n == 0:
		return ""
	case s.GetRestarts() > 0:
		return fmt.Sprintf("%d, after %s", n, output.Count(int(s.GetRestarts()), "restart"))
	default:
		return fmt.Sprint(n)
	}
}

func groupTable(job *trainingv1.TrainingJob) *output.Table {
	table := &output.Table{Headings: []string{"GROUP", "COUNT", "ACTIVE", "SUCCEEDED", "FAILED", "RESTART POLICY", "IMAGE"}, Uncut: true}
	for _, g := range job.GetSpec().GetGroups() {
		counts := job.GetStatus().GetReplicaStatuses()[g.GetType()]
		policy := strings.TrimPrefix(g.GetRestartPolicy().String(), "JOB_RESTART_POLICY_")
		table.Add(g.GetName(), fmt.Sprint(g.GetCount()), fmt.Sprint(counts.GetActive()), fmt.Sprint(counts.GetSucceeded()),
			fmt.Sprint(counts.GetFailed()), policy, g.GetImage())
	}
	return table
}

// eventTable is what a job came through, over all attempts.
func eventTable(term *output.Terminal, happenings []*trainingv1.JobHappening) *output.Table {
	table := &output.Table{Headings: []string{"AGE", "TYPE", "REASON", "MESSAGE"}, Uncut: true}
	for _, h := range happenings {
		kind := "Normal"
		if h.GetWarning() {
			kind = "Warning"
		}
		table.Add(output.Age(h.GetTime(), term.Now()), kind, h.GetReason(), output.Clean(h.GetMessage()))
	}
	return table
}

func conditionTable(term *output.Terminal, conditions []*trainingv1.JobCondition) *output.Table {
	table := &output.Table{Headings: []string{"CONDITION", "HOLDS", "SINCE", "REASON", "MESSAGE"}, Uncut: true}
	for _, c := range conditions {
		holds := "no"
		if c.GetStatus() {
			holds = "yes"
		}
		table.Add(c.GetType(), holds, output.Age(c.GetLastTransitionTime(), term.Now()), c.GetReason(), output.Clean(c.GetMessage()))
	}
	return table
}
