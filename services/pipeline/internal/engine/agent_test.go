package engine_test

import (
	"bytes"
	"context"
	"maps"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// agent is a gpuagent without processes: its workloads end when the test says
// so, or at once as the program has it.
type agent struct {
	gpuagentv1.UnimplementedWorkloadServiceServer

	// program runs a workload that was accepted; nil leaves it running.
	program func(*gpuagentv1.Workload) *gpuagentv1.WorkloadStatus
	objects string // the directory that the object store is; its agent is beside it

	mu        sync.Mutex
	refusal   error                           // guarded by mu; what a submit answers
	workloads map[string]*gpuagentv1.Workload // guarded by mu
	accepted  map[string]int                  // guarded by mu; submits that started something, by name
	events    []*gpuagentv1.WorkloadEvent     // guarded by mu; since the beginning
	changed   chan struct{}                   // guarded by mu; closed at every event
	broken    bool                            // guarded by mu; streams end at the next change
}

func newAgent() *agent {
	return &agent{
		workloads: map[string]*gpuagentv1.Workload{},
		accepted:  map[string]int{},
		changed:   make(chan struct{}),
	}
}

func (a *agent) SubmitWorkload(_ context.Context, r *gpuagentv1.SubmitWorkloadRequest) (*gpuagentv1.Workload, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	name := r.GetWorkload().GetMetadata().GetName()
	if a.refusal != nil {
		return nil, a.refusal
	}
	if a.workloads[name] != nil {
		return nil, fault.AlreadyExistsf("workload %s exists", name)
	}
	w := proto.CloneOf(r.GetWorkload())
	w.Status = &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_PENDING}
	a.accepted[name]++
	a.set(gpuagentv1.WorkloadEvent_TYPE_CREATED, w)
	accepted := proto.CloneOf(w)
	if a.program != nil {
		if status := a.program(a.seen(w)); status != nil {
			w = proto.CloneOf(w)
			w.Status = status
			a.set(gpuagentv1.WorkloadEvent_TYPE_UPDATED, w)
		}
	}
	return accepted, nil
}

// seen is a workload as its replica sees it: with the paths of objects in place.
func (a *agent) seen(w *gpuagentv1.Workload) *gpuagentv1.Workload {
	text, err := protojson.Marshal(w)
	if err != nil {
		panic(err)
	}
	seen := &gpuagentv1.Workload{}
	if err := protojson.Unmarshal(bytes.ReplaceAll(text, []byte("${objects}"), []byte(a.objects)), seen); err != nil {
		panic(err)
	}
	return seen
}

// set stores a workload and tells of it. The caller holds mu.
func (a *agent) set(kind gpuagentv1.WorkloadEvent_Type, w *gpuagentv1.Workload) {
	if kind == gpuagentv1.WorkloadEvent_TYPE_DELETED {
		delete(a.workloads, w.GetMetadata().GetName())
	} else {
		a.workloads[w.GetMetadata().GetName()] = w
	}
	a.events = append(a.events, &gpuagentv1.WorkloadEvent{Type: kind, Workload: w})
	close(a.changed)
	a.changed = make(chan struct{})
}

// end ends a running workload.
func (a *agent) end(name string, status *gpuagentv1.WorkloadStatus) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := proto.CloneOf(a.workloads[name])
	w.Status = status
	a.set(gpuagentv1.WorkloadEvent_TYPE_UPDATED, w)
}

func (a *agent) get(name string) (*gpuagentv1.Workload, error) {
	if w := a.workloads[name]; w != nil {
		return w, nil
	}
	return nil, fault.NotFoundf("there is no workload %s", name)
}

func (a *agent) GetWorkload(_ context.Context, r *gpuagentv1.GetWorkloadRequest) (*gpuagentv1.Workload, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.get(r.GetName())
}

func (a *agent) StopWorkload(_ context.Context, r *gpuagentv1.StopWorkloadRequest) (*gpuagentv1.Workload, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w, err := a.get(r.GetName())
	if err != nil || w.GetStatus().GetFinishTime() != nil {
		return w, err
	}
	w = proto.CloneOf(w)
	w.Status = &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_STOPPED, Message: r.GetMessage(), FinishTime: timestamppb.Now()}
	a.set(gpuagentv1.WorkloadEvent_TYPE_UPDATED, w)
	return w, nil
}

func (a *agent) DeleteWorkload(_ context.Context, r *gpuagentv1.DeleteWorkloadRequest) (*emptypb.Empty, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w, err := a.get(r.GetName())
	if err == nil {
		a.set(gpuagentv1.WorkloadEvent_TYPE_DELETED, w)
	}
	return &emptypb.Empty{}, err
}

func (a *agent) WatchWorkloads(_ *gpuagentv1.WatchWorkloadsRequest, stream grpc.ServerStreamingServer[gpuagentv1.WorkloadEvent]) error {
	a.mu.Lock()
	present, next := maps.Clone(a.workloads), len(a.events)
	a.broken = false
	a.mu.Unlock()
	for _, w := range present {
		if err := stream.Send(&gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_CREATED, Workload: w}); err != nil {
			return err
		}
	}
	if err := stream.Send(&gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_SYNCED}); err != nil {
		return err
	}
	for {
		a.mu.Lock()
		events, changed, broken := a.events[next:], a.changed, a.broken
		next = len(a.events)
		a.mu.Unlock()
		if broken {
			return fault.Unavailablef("the stream broke")
		}
		for _, e := range events {
			if err := stream.Send(e); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return nil
		}
	}
}

// deleteUnseen deletes a workload and tells of it, or breaks the streams instead.
func (a *agent) deleteUnseen(name string, broken bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.broken = broken
	a.set(gpuagentv1.WorkloadEvent_TYPE_DELETED, a.workloads[name])
}

func (a *agent) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var names []string
	for name := range a.workloads {
		names = append(names, name)
	}
	return names
}

func (a *agent) starts() map[string]int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return maps.Clone(a.accepted)
}

func (a *agent) refuse(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.refusal = err
}

// succeeded is the end of a workload that left files.
func succeeded(files map[string]string) *gpuagentv1.WorkloadStatus {
	s := &gpuagentv1.WorkloadStatus{
		Phase:      gpuagentv1.Phase_PHASE_SUCCEEDED,
		StartTime:  timestamppb.Now(),
		FinishTime: timestamppb.Now(),
		Replicas:   []*gpuagentv1.ReplicaStatus{{Group: "main", Phase: gpuagentv1.Phase_PHASE_SUCCEEDED}},
	}
	for path, content := range files {
		s.Replicas[0].Files = append(s.Replicas[0].Files, &gpuagentv1.ReturnedFile{Path: path, Content: []byte(content)})
	}
	return s
}

// exited is the end of a workload that failed.
func exited(code int32) *gpuagentv1.WorkloadStatus {
	return &gpuagentv1.WorkloadStatus{
		Phase:      gpuagentv1.Phase_PHASE_FAILED,
		Reason:     "NonZeroExit",
		FinishTime: timestamppb.Now(),
		Replicas:   []*gpuagentv1.ReplicaStatus{{Phase: gpuagentv1.Phase_PHASE_FAILED, ExitCode: code, LogTail: "the last words"}},
	}
}
