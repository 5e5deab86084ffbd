package pod

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// past is what ran of a job that has ended well.
func past(name string) *gpuagentv1.Workload {
	groups := []*gpuagentv1.ReplicaGroup{{Name: "worker", Count: 2, Template: &gpuagentv1.Template{Image: "i"}}}
	w := workload("PyTorchJob", name, "1", groups)
	w.Metadata.Uid = "w-" + name
	for i := range int32(2) {
		w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{
			Group: "worker", Index: i, Phase: gpuagentv1.Phase_PHASE_SUCCEEDED, Node: "n", StartTime: at(1), FinishTime: at(2),
		})
	}
	return w
}

// shelf is a world with one job that is not in the archive, "new", and two that are, of which
// "b" is about to leave what runs.
func shelf() []kube.Resource {
	return Resources(&agent{workloads: []*gpuagentv1.Workload{past("new"), past("b")}},
		jobs{archived: []*gpuagentv1.Workload{past("a-b"), past("b")}})
}

// names are those of the objects of a list, and where it goes on.
func names(t *testing.T, body string) (all []string, next string) {
	t.Helper()
	var list struct {
		Metadata struct{ Continue string }
		Items    []struct{ Metadata struct{ Name string } }
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatalf("%v of %s", err, body)
	}
	for _, item := range list.Items {
		all = append(all, item.Metadata.Name)
	}
	return all, list.Metadata.Continue
}

func TestListsHaveThePodsOfArchivedJobs(t *testing.T) {
	for query, want := range map[string]string{
		"": "a-b-worker-0 a-b-worker-1 b-worker-0 b-worker-1 new-worker-0 new-worker-1",
		"labelSelector=training.kubeflow.org%2Fjob-name%3Da-b": "a-b-worker-0 a-b-worker-1",
		"labelSelector=training.kubeflow.org%2Fjob-name%3Dnew": "new-worker-0 new-worker-1",
		"fieldSelector=metadata.name%3Da-b-worker-1":           "a-b-worker-1",
		"fieldSelector=metadata.name%3Dother":                  "",
	} {
		code, body := serveFrom(t, shelf(), "/api/v1/namespaces/ns/pods?"+query)
		got, next := names(t, body)
		if code != http.StatusOK || strings.Join(got, " ") != want || next != "" {
			t.Errorf("%q: %d %v, goes on at %q, want %s", query, code, got, next, want)
		}
	}
}

func TestPagesHaveThePodsOfArchivedJobs(t *testing.T) {
	var got []string
	next := ""
	for range 2 {
		_, body := serveFrom(t, shelf(), "/api/v1/namespaces/ns/pods?limit=2&continue="+next)
		var page []string
		page, next = names(t, body)
		got = append(got, page...)
	}
	slices.Sort(got)
	if want := "a-b-worker-0 a-b-worker-1 b-worker-0 b-worker-1 new-worker-0 new-worker-1"; strings.Join(slices.Compact(got), " ") != want || next != "" {
		t.Errorf("got %v and %q, want %s", got, next, want)
	}
}

func TestAPodOfAnArchivedJob(t *testing.T) {
	code, body := serveFrom(t, shelf(), "/api/v1/namespaces/ns/pods/a-b-worker-1")
	if code != http.StatusOK || !strings.Contains(body, `"phase":"Succeeded"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, body = serveFrom(t, shelf(), "/api/v1/namespaces/ns/pods/a-b-worker-1/log"); body != "log of a-b-1 worker\n" {
		t.Errorf("its log is %d %q", code, body)
	}
	if code, body = serveFrom(t, shelf(), "/api/v1/namespaces/ns/pods/a-b-worker-2"); code != http.StatusNotFound {
		t.Errorf("one that never was: %d %s", code, body)
	}
}

func TestEventsOfArchivedJobs(t *testing.T) {
	for query, want := range map[string]string{
		"": "", // as in Kubernetes after an hour
		"fieldSelector=involvedObject.name%3Da-b,involvedObject.kind%3DPyTorchJob": "PyTorchJobSucceeded",
		"fieldSelector=involvedObject.name%3Da-b":                                  "PyTorchJobSucceeded",
		"fieldSelector=involvedObject.name%3Da-b-worker-0":                         "Started Completed",
	} {
		code, body := serveFrom(t, shelf(), "/api/v1/namespaces/ns/events?"+query)
		var list struct {
			Items []struct {
				Metadata       struct{ Name string }
				InvolvedObject struct{ Name string }
				Reason         string
			}
		}
		if err := json.Unmarshal([]byte(body), &list); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, event := range list.Items {
			if strings.HasPrefix(event.InvolvedObject.Name, "a-b") {
				got = append(got, event.Reason)
				if code, body := serveFrom(t, shelf(), "/api/v1/namespaces/ns/events/"+event.Metadata.Name); code != http.StatusOK {
					t.Errorf("event %s: %d %s", event.Metadata.Name, code, body)
				}
			}
		}
		if code != http.StatusOK || strings.Join(got, " ") != want {
			t.Errorf("%q: %d %v, want %s", query, code, got, want)
		}
	}
}

// WatchWorkloads tells of the workloads, and then that they are gone.
func (a *agent) WatchWorkloads(context.Context, *gpuagentv1.WatchWorkloadsRequest, ...grpc.CallOption) (grpc.ServerStreamingClient[gpuagentv1.WorkloadEvent], error) {
	s := &eventStream{}
	for _, w := range a.workloads {
		s.events = append(s.events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_CREATED, Workload: w})
	}
	s.events = append(s.events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_SYNCED})
	for _, w := range a.workloads {
		s.events = append(s.events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_DELETED, Workload: w})
	}
	return s, nil
}

type eventStream struct {
	grpc.ServerStreamingClient[gpuagentv1.WorkloadEvent]
	events []*gpuagentv1.WorkloadEvent
}

func (s *eventStream) Recv() (*gpuagentv1.WorkloadEvent, error) {
	if len(s.events) == 0 {
		return nil, io.EOF
	}
	event := s.events[0]
	s.events = s.events[1:]
	return event, nil
}

func TestWatchesTellNothingOfTheArchive(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		after      int64
	}{
		{"", "ADDED new-worker-0,ADDED new-worker-1,ADDED b-worker-0,ADDED b-worker-1,ADDED a-b-worker-0,ADDED a-b-worker-1,BOOKMARK,DELETED new-worker-0,DELETED new-worker-1", 0},
		{"", "BOOKMARK,DELETED new-worker-0,DELETED new-worker-1", 9},
		{"a-b-worker-0", "ADDED a-b-worker-0,BOOKMARK", 0},
		{"a-b-worker-0", "BOOKMARK", 9},
		{"a-b-worker-7", "DELETED a-b-worker-7,BOOKMARK", 9},
		{"b-worker-0", "BOOKMARK", 9},
	} {
		var got []string
		err := shelf()[0].Store.Watch(t.Context(), "ns", tt.name, tt.after, func(c kube.Change) error {
			text := c.Type
			if c.Object != nil {
				text = fmt.Sprintf("%s %v", c.Type, kube.Path(c.Object, "metadata", "name"))
			}
			got = append(got, text)
			return nil
		})
		if err != nil || strings.Join(got, ",") != tt.want {
			t.Errorf("%q from %d on: %v, %v, want %s", tt.name, tt.after, got, err, tt.want)
		}
	}
}
