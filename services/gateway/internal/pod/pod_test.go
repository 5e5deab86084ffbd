package pod

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

var update = flag.Bool("update", false, "write the golden files anew")

// agent has workloads, and one line of log for each replica.
type agent struct {
	gpuagentv1.WorkloadServiceClient
	workloads []*gpuagentv1.Workload
}

func (a *agent) ListWorkloads(context.Context, *gpuagentv1.ListWorkloadsRequest, ...grpc.CallOption) (*gpuagentv1.ListWorkloadsResponse, error) {
	return &gpuagentv1.ListWorkloadsResponse{Workloads: a.workloads}, nil
}

func (a *agent) Logs(_ context.Context, r *gpuagentv1.LogsRequest, _ ...grpc.CallOption) (grpc.ServerStreamingClient[gpuagentv1.LogChunk], error) {
	return &logStream{chunks: []string{"log of " + r.GetName(), " " + r.GetGroup() + "\n"}}, nil
}

type logStream struct {
	grpc.ServerStreamingClient[gpuagentv1.LogChunk]
	chunks []string
}

func (s *logStream) Recv() (*gpuagentv1.LogChunk, error) {
	if len(s.chunks) == 0 {
		return nil, io.EOF
	}
	data := s.chunks[0]
	s.chunks = s.chunks[1:]
	return &gpuagentv1.LogChunk{Data: []byte(data)}, nil
}

// jobs has one job, and others in the archive, of which it has what ran.
type jobs struct {
	trainingv1.TrainingServiceClient
	archived []*gpuagentv1.Workload // a job each
}

func (jobs) ListTrainingJobs(context.Context, *trainingv1.ListTrainingJobsRequest, ...grpc.CallOption) (*trainingv1.ListTrainingJobsResponse, error) {
	return &trainingv1.ListTrainingJobsResponse{Revision: 7, Jobs: []*trainingv1.TrainingJob{{
		Kind: "TrainJob", ApiVersion: "trainer.kubeflow.org/v1alpha1", Metadata: &metav1.ObjectMeta{Namespace: "ns", Name: "j", Uid: "abcdef-1"},
		Status: &trainingv1.TrainingJobStatus{Happenings: []*trainingv1.JobHappening{
			{Reason: "FailedJobs", Message: "no", Time: at(9), Warning: true},
		}},
	}}}, nil
}

// ListArchivedWorkloads gives a job a page, unless there are names.
func (j jobs) ListArchivedWorkloads(_ context.Context, r *trainingv1.ListArchivedWorkloadsRequest, _ ...grpc.CallOption) (*trainingv1.ListArchivedWorkloadsResponse, error) {
	out := &trainingv1.ListArchivedWorkloadsResponse{}
	for i, w := range j.archived {
		name := w.GetMetadata().GetLabels()[labelName]
		switch {
		case len(r.GetNames()) > 0:
			if slices.Contains(r.GetNames(), name) {
				out.Workloads = append(out.Workloads, w)
			}
		case r.GetPageToken() == "" || r.GetPageToken() == name:
			out.Workloads = append(out.Workloads, w)
			if i+1 < len(j.archived) {
				out.NextPageToken = j.archived[i+1].GetMetadata().GetLabels()[labelName]
			}
			return out, nil
		}
	}
	return out, nil
}

func (j jobs) GetTrainingJob(_ context.Context, r *trainingv1.GetTrainingJobRequest, _ ...grpc.CallOption) (*trainingv1.TrainingJob, error) {
	for _, w := range j.archived {
		labels := w.GetMetadata().GetLabels()
		if labels[labelName] == r.GetName() && labels[labelKind] == r.GetKind() {
			return &trainingv1.TrainingJob{
				Kind: r.GetKind(), ApiVersion: "kubeflow.org/v1", Metadata: &metav1.ObjectMeta{Namespace: "ns", Name: r.GetName()}, Archived: true,
				Status: &trainingv1.TrainingJobStatus{Happenings: []*trainingv1.JobHappening{{Reason: "PyTorchJobSucceeded", Time: at(9)}}},
			}, nil
		}
	}
	return nil, fault.NotFoundf("there is no job %s", r.GetName())
}

func at(second int64) *timestamppb.Timestamp {
	return timestamppb.New(time.Unix(1_700_000_000+second, 0))
}

// workload is an attempt at a job of a kind.
func workload(kind, name, attempt string, groups []*gpuagentv1.ReplicaGroup, statuses ...*gpuagentv1.ReplicaStatus) *gpuagentv1.Workload {
	return &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{
			Namespace: "ns", Name: name + "-" + attempt, Uid: "w" + attempt, CreateTime: at(0), ResourceVersion: 5,
			Labels: map[string]string{labelOwner: owner, labelJob: "abcdef-" + name, labelKind: kind, labelAttempt: attempt, labelName: name, "team": "a"},
		},
		Spec: &gpuagentv1.WorkloadSpec{Groups: groups}, Status: &gpuagentv1.WorkloadStatus{Replicas: statuses, Message: "waits"},
	}
}

func world() []kube.Resource {
	node := &gpuagentv1.ReplicaGroup{Name: "node", Count: 2, Template: &gpuagentv1.Template{
		Image: "torch", Command: []string{"python"}, Resources: &gpuagentv1.Resources{CpuMilli: 1500, Gpus: 1},
		Env: []*gpuagentv1.EnvVar{{Name: "PET_NNODES", Value: "2"}, {Name: "SECRET", ValueFrom: &gpuagentv1.ValueSource{}}},
	}}
	both := []*gpuagentv1.ReplicaGroup{{Name: "master", Count: 1, Template: &gpuagentv1.Template{Image: "i"}}, {Name: "worker", Count: 1, Template: &gpuagentv1.Template{Image: "i"}}}
	a := &agent{workloads: []*gpuagentv1.Workload{
		workload("TrainJob", "j", "1", []*gpuagentv1.ReplicaGroup{node}),
		workload("TrainJob", "j", "2", []*gpuagentv1.ReplicaGroup{node}, &gpuagentv1.ReplicaStatus{
			Group: "node", Phase: gpuagentv1.Phase_PHASE_FAILED, Node: "n", Host: "127.0.0.1", ExitCode: 3, StartTime: at(1), FinishTime: at(2),
			Message: "exit status 3", Reason: "ExitedWithError", LogTail: "oh", Restarts: 1,
		}),
		workload("PyTorchJob", "p", "1", both,
			&gpuagentv1.ReplicaStatus{Group: "master", Phase: gpuagentv1.Phase_PHASE_RUNNING, Node: "n", StartTime: at(1)},
			&gpuagentv1.ReplicaStatus{Group: "worker", Phase: gpuagentv1.Phase_PHASE_SUCCEEDED, Node: "n", StartTime: at(1), FinishTime: at(3)}),
	}}
	return Resources(a, jobs{})
}

func serve(t *testing.T, path string) (int, string) {
	t.Helper()
	return serveFrom(t, world(), path)
}

func serveFrom(t *testing.T, resources []kube.Resource, path string) (int, string) {
	t.Helper()
	mux := http.NewServeMux()
	kube.Register(mux, "test", resources...)
	recorder := httptest.NewRecorder()
	mux.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	return recorder.Code, recorder.Body.String()
}

func TestGolden(t *testing.T) {
	for name, path := range map[string]string{
		"trainjob.json": "/api/v1/namespaces/ns/pods?labelSelector=jobset.sigs.k8s.io%2Fjobset-name%3Dj,jobset.sigs.k8s.io%2Freplicatedjob-name+in+(node,launcher)",
		"v1.json":       "/api/v1/namespaces/ns/pods?labelSelector=training.kubeflow.org%2Fjob-name%3Dp",
		"master.json":   "/api/v1/namespaces/ns/pods?labelSelector=training.kubeflow.org%2Fjob-role%3Dmaster",
		"events.json":   "/api/v1/namespaces/ns/events",
	} {
		code, body := serve(t, path)
		if code != http.StatusOK {
			t.Fatalf("%s: %d %s", name, code, body)
		}
		var value any
		if err := json.Unmarshal([]byte(body), &value); err != nil {
			t.Fatal(err)
		}
		got, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		file := "testdata/" + name
		if *update {
			if err := os.WriteFile(file, append(got, '\n'), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if string(want) != string(got)+"\n" {
			t.Errorf("%s is not as it was; got\n%s", name, got)
		}
	}
}

func TestLog(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/namespaces/ns/pods/j-node-0-1-abcde/log?container=node": "log of j-2 node\n",
		"/api/v1/namespaces/ns/pods/p-master-0/log?follow=true":          "log of p-1 master\n",
	} {
		if code, body := serve(t, path); code != http.StatusOK || body != want {
			t.Errorf("%s: %d %q; want %q", path, code, body, want)
		}
	}
	for path, want := range map[string]int{
		"/api/v1/namespaces/ns/pods/none/log":                   http.StatusNotFound,
		"/api/v1/namespaces/ns/pods/p-master-0/log?tailLines=x": http.StatusUnprocessableEntity,
		"/api/v1/namespaces/ns/pods/p-master-0":                 http.StatusOK,
		"/api/v1/namespaces/ns/events/none":                     http.StatusNotFound,
	} {
		if code, body := serve(t, path); code != want {
			t.Errorf("%s: %d %s; want %d", path, code, body, want)
		}
	}
}

func TestReadOnly(t *testing.T) {
	mux := http.NewServeMux()
	kube.Register(mux, "test", world()...)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		recorder := httptest.NewRecorder()
		mux.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, "/api/v1/namespaces/ns/pods/p-master-0", strings.NewReader("{}")))
		if recorder.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s of a pod: %d", method, recorder.Code)
		}
	}
}
