package cli

import (
	"context"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fakeQueues has a queue "research", which somebody made, and "default", which
// nobody did.
type fakeQueues struct {
	gpuagentv1.UnimplementedQueueServiceServer
	asked []proto.Message // what changes something
}

func (f *fakeQueues) research() *gpuagentv1.Queue {
	return &gpuagentv1.Queue{
		Metadata: &metav1.ObjectMeta{Name: "research", Uid: "u", ResourceVersion: 7, CreateTime: ago(time.Hour), UpdateTime: ago(time.Hour)},
		Spec:     &gpuagentv1.QueueSpec{GpuQuota: proto.Int32(16), Cohort: "ml", BorrowingLimit: proto.Int32(8)},
		Status:   &gpuagentv1.QueueStatus{GpusUsed: 20.5, GpusBorrowed: 4.5, GpusPromised: 8 + 1./7, Waiting: 2, Running: 1, Share: 0.125, FairShare: true},
	}
}

func (f *fakeQueues) ListQueues(context.Context, *gpuagentv1.ListQueuesRequest) (*gpuagentv1.ListQueuesResponse, error) {
	unstored := &gpuagentv1.Queue{Metadata: &metav1.ObjectMeta{Name: "default"}, Spec: &gpuagentv1.QueueSpec{}, Status: &gpuagentv1.QueueStatus{Running: 3}}
	return &gpuagentv1.ListQueuesResponse{Queues: []*gpuagentv1.Queue{unstored, f.research()}}, nil
}

func (f *fakeQueues) GetQueue(_ context.Context, r *gpuagentv1.GetQueueRequest) (*gpuagentv1.Queue, error) {
	if r.GetName() != "research" {
		return nil, fault.NotFoundf("there is no queue %s", r.GetName())
	}
	return f.research(), nil
}

func (f *fakeQueues) ListWaiting(context.Context, *gpuagentv1.ListWaitingRequest) (*gpuagentv1.ListWaitingResponse, error) {
	return &gpuagentv1.ListWaitingResponse{
		Waiting: []*gpuagentv1.QueuedWorkload{
			{Namespace: "team", Name: "large", Priority: 5, Gpus: 32, Position: 1, SubmitTime: ago(3 * time.Minute), Reason: "waits for 2 jobs to end: 32 GPUs of nodes a, b are kept for it"},
			{Namespace: "team", Name: "small", Gpus: 1, Position: 2, SubmitTime: ago(time.Minute), Reason: "waits for quota: queue research has 16 GPUs, uses 20 and asks for 1"},
		},
		Running: []*gpuagentv1.QueuedWorkload{
			{Namespace: "team", Name: "train", Gpus: 20, Replicas: 8, Placed: 5, SubmitTime: ago(time.Hour), Nodes: []string{"a", "b", "c", "d", "e"}, Ending: true},
		},
	}, nil
}

func (f *fakeQueues) CreateQueue(_ context.Context, r *gpuagentv1.CreateQueueRequest) (*gpuagentv1.Queue, error) {
	if r.GetQueue().GetMetadata().GetName() == "research" {
		return nil, fault.AlreadyExistsf("queue research exists already")
	}
	f.asked = append(f.asked, r)
	return r.GetQueue(), nil
}

func (f *fakeQueues) UpdateQueue(_ context.Context, r *gpuagentv1.UpdateQueueRequest) (*gpuagentv1.Queue, error) {
	f.asked = append(f.asked, r)
	return r.GetQueue(), nil
}

func (f *fakeQueues) DeleteQueue(_ context.Context, r *gpuagentv1.DeleteQueueRequest) (*emptypb.Empty, error) {
	f.asked = append(f.asked, r)
	return &emptypb.Empty{}, nil
}

func TestQueuesAreShown(t *testing.T) {
	for args, name := range map[string]string{
		"queue":                  "queues",
		"queue -o wide":          "queues_wide",
		"queue research":         "queue",
		"queue research -o json": "queue_json",
	} {
		got := invoke(t, &fake{queues: &fakeQueues{}}, strings.Fields(args)...)
		if got.status != 0 {
			t.Errorf("%s: status %d: %s", args, got.status, got.err)
		}
		golden(t, name, got.out)
	}
	if got := invoke(t, &fake{queues: &fakeQueues{}}, "queue", "none"); got.status != 1 || !strings.Contains(got.err, "there is no queue none") {
		t.Errorf("status %d: %s", got.status, got.err)
	}
}

func TestQueuesAreChanged(t *testing.T) {
	for _, tt := range []struct{ args, says, asks string }{
		{
			"queue create new --gpus 16 --cohort ml --borrow 8 --reclaim lower", "created queue new\n",
			`{"queue":{"metadata":{"name":"new"},"spec":{"gpuQuota":16,"cohort":"ml","borrowingLimit":8,"reclaim":"PREEMPTION_LOWER_PRIORITY"}}}`,
		},
		{"queue create new --gpus 0", "created queue new\n", `{"queue":{"metadata":{"name":"new"},"spec":{"gpuQuota":0}}}`},
		{"queue create research --replace --weight 2", "replaced queue research\n", `{"queue":{"metadata":{"name":"research"},"spec":{"weight":2}}}`},
		{"queue update research --lend 4", "updated queue research\n", `{"queue":{"metadata":{"name":"research"},"spec":{"lendingLimit":4}}}`},
		{"queue delete research", "deleted queue research\n", `{"name":"research"}`},
		{"delete queue research", "deleted queue research\n", `{"name":"research"}`},
	} {
		f := &fakeQueues{}
		got := invoke(t, &fake{queues: f}, strings.Fields(tt.args)...)
		if got.status != 0 || got.out != tt.says || len(f.asked) != 1 {
			t.Errorf("%s: status %d, asked %v: %s%s", tt.args, got.status, f.asked, got.out, got.err)
			continue
		}
		if asked, _ := protojson.Marshal(f.asked[0]); strings.ReplaceAll(string(asked), " ", "") != tt.asks {
			t.Errorf("%s asked %s, want %s", tt.args, asked, tt.asks)
		}
	}
	for args, says := range map[string]string{
		"queue create research --gpus 1":    "exists already",
		"queue create x --reclaim somebody": "want never, lower or any",
		"queue create":                      "accepts 1 arg",
	} {
		if got := invoke(t, &fake{queues: &fakeQueues{}}, strings.Fields(args)...); got.status == 0 || !strings.Contains(got.err, says) {
			t.Errorf("%s: status %d: %s", args, got.status, got.err)
		}
	}
}
