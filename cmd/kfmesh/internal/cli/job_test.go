package cli

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fakeJobs are training jobs. What has stages goes through them, one each time it is got.
type fakeJobs struct {
	trainingv1.UnimplementedTrainingServiceServer
	mu     sync.Mutex
	jobs   []*trainingv1.TrainingJob
	stages []func(*trainingv1.TrainingJob) error // each is the next answer of GetTrainingJob
}

func (f *fakeJobs) ListTrainingJobs(_ context.Context, r *trainingv1.ListTrainingJobsRequest) (*trainingv1.ListTrainingJobsResponse, error) {
	var found []*trainingv1.TrainingJob
	for _, j := range f.jobs {
		if m := j.GetMetadata(); (r.GetNamespace() == "" || r.GetNamespace() == m.GetNamespace()) && (r.GetKind() == "" || r.GetKind() == j.GetKind()) {
			found = append(found, j)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &trainingv1.ListTrainingJobsResponse{Jobs: items, NextPageToken: next}, nil
}

func (f *fakeJobs) GetTrainingJob(_ context.Context, r *trainingv1.GetTrainingJobRequest) (*trainingv1.TrainingJob, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.jobs, func(j *trainingv1.TrainingJob) bool {
		m := j.GetMetadata()
		return m.GetName() == r.GetName() && strings.EqualFold(j.GetKind(), r.GetKind()) && (r.GetNamespace() == "" || r.GetNamespace() == m.GetNamespace())
	})
	if i < 0 {
		return nil, fault.NotFoundf("there is no %s %q", r.GetKind(), r.GetName())
	}
	if len(f.stages) > 0 {
		stage := f.stages[0]
		f.stages = f.stages[1:]
		if err := stage(f.jobs[i]); err != nil {
			return nil, err
		}
	}
	return f.jobs[i], nil
}

// aJob is one with a condition that holds.
func aJob(ofKind, namespace, name, condition string) *trainingv1.TrainingJob {
	return &trainingv1.TrainingJob{
		Metadata: &metav1.ObjectMeta{Namespace: namespace, Name: name, Uid: namespace + name, CreateTime: ago(time.Minute), Labels: map[string]string{"team": name}},
		Kind:     ofKind, ApiVersion: "kubeflow.org/v1",
		Spec: &trainingv1.TrainingJobSpec{Groups: []*trainingv1.JobGroup{{Name: "worker", Type: "Worker", Count: 2}}},
		Status: &trainingv1.TrainingJobStatus{
			Attempt: 2, Restarts: 1, Submitted: true, Workload: "newer", StartTime: ago(time.Minute),
			Conditions: []*trainingv1.JobCondition{{Type: condition, Status: true, Reason: ofKind + condition, LastTransitionTime: ago(time.Minute)}},
		},
	}
}

func becomes(condition, message string) func(*trainingv1.TrainingJob) error {
	return func(j *trainingv1.TrainingJob) error {
		j.Status.Conditions = []*trainingv1.JobCondition{{Type: condition, Status: true}}
		j.Status.Message = message
		return nil
	}
}

// withJobs is what is there, and two jobs of one name.
func withJobs(t *testing.T) *fake {
	f := populated(t)
	f.jobs = &fakeJobs{jobs: []*trainingv1.TrainingJob{
		aJob("PyTorchJob", "default", "mnist", "Running"), aJob("TFJob", "default", "census", "Suspended"),
		aJob("PyTorchJob", "team", "twin", "Succeeded"), aJob("PyTorchJob", "other", "twin", "Failed"),
	}}
	return f
}

func TestJobsAreFoundAsKubectlFindsThem(t *testing.T) {
	tests := []struct{ args, want string }{
		{"get jobs -o name -n default", "job/pytorchjob/mnist\njob/tfjob/census\n"},
		{"get tfjobs -o name", "job/tfjob/census\n"},
		{"get pytorchjobs.kubeflow.org -n default -o name", "job/pytorchjob/mnist\n"},
		{"get pytorchjob mnist -o name", "job/pytorchjob/mnist\n"},
		{"get pytorchjob/mnist -o name", "job/pytorchjob/mnist\n"},
		{"get job/pytorchjob/mnist -o name", "job/pytorchjob/mnist\n"},
		{"get job/mnist job/census -o name", "job/pytorchjob/mnist\njob/tfjob/census\n"},
		{"get jobs -l team=census -o name", "job/tfjob/census\n"},
		{"get jobs -n default -l team!=census -o name", "job/pytorchjob/mnist\n"},
		{"get jobs -l team=mnist -A -n other -o name", "job/pytorchjob/mnist\n"},
		{"get jobs -n default", "NAME     KIND         STATE       REPLICAS   DURATION   AGE   MESSAGE\n" +
			"mnist    PyTorchJob   RUNNING     0/2        1m00s      60s   -\n" +
			"census   TFJob        SUSPENDED   0/2        1m00s      60s   -\n"},
		{"get jobs -l team=twin", "NAMESPACE   NAME   KIND         STATE       REPLICAS   DURATION   AGE   MESSAGE\n" +
			"team        twin   PyTorchJob   SUCCEEDED   0/2        1m00s      60s   -\n" +
			"other       twin   PyTorchJob   FAILED      0/2        1m00s      60s   -\n"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			if r := invoke(t, withJobs(t), strings.Fields(tt.args)...); r.status != exitOK || r.out != tt.want {
				t.Errorf("status %d, %s\n%s\nwant\n%s", r.status, r.err, r.out, tt.want)
			}
		})
	}
}

func TestListSaysThatThereIsMore(t *testing.T) {
	f := withJobs(t)
	for len(f.jobs.jobs) < getLimit {
		f.jobs.jobs = append(f.jobs.jobs, f.jobs.jobs[0])
	}
	if r := invoke(t, f, "get", "jobs", "-o", "name"); strings.Count(r.out, "\n") != getLimit || r.err != "" {
		t.Errorf("%d lines, %s", strings.Count(r.out, "\n"), r.err)
	}
	f.jobs.jobs = append(f.jobs.jobs, f.jobs.jobs[0])
	for args, want := range map[string]struct {
		lines int
		says  string
	}{
		"get jobs -o name":            {getLimit, "there are more than these 50 jobs; --limit 0 shows all\n"},
		"get jobs -o name --limit 0":  {getLimit + 1, ""},
		"get jobs -o name --limit 50": {getLimit, ""},
	} {
		if r := invoke(t, f, strings.Fields(args)...); strings.Count(r.out, "\n") != want.lines || r.err != want.says {
			t.Errorf("%s: %d lines, %s", args, strings.Count(r.out, "\n"), r.err)
		}
	}
}

func TestWhatIsWrongWithJobsIsSaid(t *testing.T) {
	tests := []struct {
		args   string
		status int
		says   string
	}{
		{"describe job twin", exitUsage, "\"twin\" means 2 jobs; say with -n in which namespace\n  pytorchjob/twin   in namespace team\n  pytorchjob/twin   in namespace other"},
		{"get tfjobs mnist", exitFailed, `there is no job "mnist"`},
		{"get jobs -l a=(", exitUsage, "--selector: "},
		{"get runs -l a=b", exitUsage, "--selector: does not go with runs"},
		{"logs job/mnist --previous --attempt 1", exitUsage, "--previous: goes with neither"},
		{"logs job/mnist --attempt 3", exitUsage, "--attempt: is 3; job mnist has come to attempt 2"},
		{"cancel job mnist", exitUsage, "jobs are not canceled: `kfmesh suspend` stops one for a while"},
		{"describe job pytorchjob/m", exitFailed, `there is no job "pytorchjob/m"`},
		{"cancel workload new", exitFailed, `there is no workload "new"`},
		{"describe pytorchjob/mnist pytorchjob/nothing", exitFailed, `there is no job "nothing"`},
		{"describe job/mnist run/last", exitUsage, `"job/mnist" is not a kind of resource`},
		{"logs last --previous", exitUsage, "go with jobs"},
		{"wait job/mnist --for ended", exitUsage, `--for: "ended" is nothing to wait for; give running, restarting, suspended, succeeded, failed or delete`},
		{"wait last --for running", exitUsage, "--for: goes with jobs"},
		{"wait node/laptop", exitUsage, "nodes cannot be waited for; runs and jobs can"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			if r := invoke(t, withJobs(t), strings.Fields(tt.args)...); r.status != tt.status || !strings.Contains(r.err, tt.says) {
				t.Errorf("status %d, want %d; %q does not say %q", r.status, tt.status, r.err, tt.says)
			}
		})
	}
}

func TestJobsAreWaitedFor(t *testing.T) {
	away := func(*trainingv1.TrainingJob) error { return fault.Unavailablef("starting") }
	gone := func(*trainingv1.TrainingJob) error { return fault.NotFoundf("no such job") }
	tests := []struct {
		args   string
		stages []func(*trainingv1.TrainingJob) error
		status int
		out    string
		says   string
	}{
		{
			args: "wait job/mnist", stages: []func(*trainingv1.TrainingJob) error{becomes("Running", ""), becomes("Restarting", "restarting: x"), away, becomes("Succeeded", "")},
			out: "pytorchjob/mnist RUNNING\npytorchjob/mnist RESTARTING: restarting: x\npytorchjob/mnist SUCCEEDED\n",
		},
		{
			args: "wait pytorchjob mnist", stages: []func(*trainingv1.TrainingJob) error{becomes("Running", ""), becomes("Failed", "exit status 3")},
			status: exitFailed, out: "pytorchjob/mnist RUNNING\npytorchjob/mnist FAILED: exit status 3\n",
		},
		{args: "wait job/mnist --for condition=Suspended -o name", stages: []func(*trainingv1.TrainingJob) error{becomes("Running", ""), becomes("Suspended", "")}, out: "job/pytorchjob/mnist\n"},
		{
			args: "wait job/mnist --for=failed", stages: []func(*trainingv1.TrainingJob) error{becomes("Succeeded", "")},
			status: exitFailed, out: "pytorchjob/mnist RUNNING\npytorchjob/mnist SUCCEEDED\n", says: "pytorchjob/mnist is not FAILED and cannot become so: it has SUCCEEDED",
		},
		{args: "wait job/mnist", stages: []func(*trainingv1.TrainingJob) error{becomes("Running", ""), gone}, status: exitFailed, out: "pytorchjob/mnist RUNNING\n", says: "pytorchjob/mnist was deleted"},
		{args: "wait job/mnist --for delete", stages: []func(*trainingv1.TrainingJob) error{becomes("Running", ""), gone}, out: "pytorchjob/mnist RUNNING\n"},
		{args: "wait job/nothing --for delete"},
		{args: "wait job/nothing", status: exitFailed, says: `there is no job "nothing"`},
		{args: "wait job/mnist --timeout 1ms", status: exitFailed, out: "pytorchjob/mnist RUNNING\n", says: "pytorchjob/mnist is RUNNING after 1ms, which is not yet what is waited for"},
		{args: "wait jobs census mnist -n default --for suspended", stages: []func(*trainingv1.TrainingJob) error{becomes("Suspended", ""), becomes("Suspended", "")}, out: "tfjob/census SUSPENDED\npytorchjob/mnist RUNNING\npytorchjob/mnist SUSPENDED\n"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			f := withJobs(t)
			f.jobs.stages = tt.stages
			if r := invoke(t, f, strings.Fields(tt.args)...); r.status != tt.status || r.out != tt.out || !strings.Contains(r.err, tt.says) {
				t.Errorf("status %d, want %d; out:\n%serr:\n%s", r.status, tt.status, r.out, r.err)
			}
		})
	}
}

func TestLogsOfTheAttemptBefore(t *testing.T) {
	f := withJobs(t)
	f.logs = []*gpuagentv1.LogChunk{{Group: "worker", Data: []byte("once\n")}}
	if r := invoke(t, f, "logs", "job/mnist", "--previous"); r.status != exitOK || r.out != "once\n" || !strings.HasSuffix(f.loggedOf, "-1") {
		t.Errorf("status %d, %s%s of workload %s", r.status, r.out, r.err, f.loggedOf)
	}
	f.jobs.jobs[0].Status.Attempt = 1
	if r := invoke(t, f, "logs", "job/mnist", "--previous"); r.status != exitFailed || !strings.Contains(r.err, "there is none before it") {
		t.Errorf("status %d, %s", r.status, r.err)
	}
}

func TestDescribeJobShowsGPUsOfReplicas(t *testing.T) {
	f := withJobs(t)
	i := slices.IndexFunc(f.workloads, func(w *gpuagentv1.Workload) bool { return w.GetMetadata().GetName() == "newer" })
	f.workloads[i].Status.Replicas[0].Gpus = []int32{0, 1, 2, 5}
	f.workloads[i].Status.Replicas[1].Restarts = 3
	r := invoke(t, f, "describe", "job", "mnist")
	for _, want := range []string{"REPLICA    PHASE     EXIT   RESTARTS   NODE     GPUS    RUNTIME", "worker-0   RUNNING   -      -          laptop   0-2,5   -", "Attempt     2, after 1 restart\n"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is missing in\n%s%s", want, r.out, r.err)
		}
	}
}

func TestVersionIsThatOfTheHead(t *testing.T) {
	f := withJobs(t)
	f.nodes = []*gpuagentv1.Node{
		{Status: &gpuagentv1.NodeStatus{AgentVersion: "old", AgentAddress: "10.0.0.2:9444"}}, {Status: &gpuagentv1.NodeStatus{AgentVersion: "new"}},
	}
	if r := invoke(t, f, "version"); !strings.Contains(r.out, "server  new at ") {
		t.Errorf("got %s%s", r.out, r.err)
	}
}
