package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/engine"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/launch"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// agent is a gpuagent without processes: its workloads end when the test says so.
type agent struct {
	gpuagentv1.UnimplementedWorkloadServiceServer

	mu        sync.Mutex
	refusal   error                           // guarded by mu; what a submit answers
	workloads map[string]*gpuagentv1.Workload // guarded by mu; by name
	accepted  map[string]int                  // guarded by mu; submits that started something
	left      map[string]bool                 // guarded by mu; what was kept by workloads that are gone, by name
	changed   chan struct{}                   // guarded by mu; closed at every change
}

func newAgent() *agent {
	return &agent{workloads: map[string]*gpuagentv1.Workload{}, accepted: map[string]int{}, left: map[string]bool{}, changed: make(chan struct{})}
}

func (a *agent) tell() {
	close(a.changed)
	a.changed = make(chan struct{})
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
	w.Status = &gpuagentv1.WorkloadStatus{Phase: gpuagentv1.Phase_PHASE_RUNNING, StartTime: timestamppb.Now()}
	for _, g := range w.GetSpec().GetGroups() {
		for i := range g.GetCount() {
			w.Status.Replicas = append(w.Status.Replicas, &gpuagentv1.ReplicaStatus{Group: g.GetName(), Index: i, Phase: gpuagentv1.Phase_PHASE_RUNNING})
		}
	}
	a.workloads[name] = w
	a.accepted[name]++
	a.tell()
	return proto.CloneOf(w), nil
}

func (a *agent) GetWorkload(_ context.Context, r *gpuagentv1.GetWorkloadRequest) (*gpuagentv1.Workload, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.workloads[r.GetName()]; w != nil {
		return proto.CloneOf(w), nil
	}
	return nil, fault.NotFoundf("no workload %s", r.GetName())
}

func (a *agent) StopWorkload(_ context.Context, r *gpuagentv1.StopWorkloadRequest) (*gpuagentv1.Workload, error) {
	return a.change(r.GetName(), func(s *gpuagentv1.WorkloadStatus) {
		s.StopRequested, s.Phase = true, gpuagentv1.Phase_PHASE_STOPPED
		for _, replica := range s.GetReplicas() {
			if replica.GetPhase() == gpuagentv1.Phase_PHASE_RUNNING {
				replica.Phase = gpuagentv1.Phase_PHASE_STOPPED
			}
		}
	})
}

func (a *agent) DeleteWorkload(_ context.Context, r *gpuagentv1.DeleteWorkloadRequest) (*emptypb.Empty, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.workloads[r.GetName()]; w != nil && r.GetLeaveKept() {
		a.left[w.GetSpec().GetKeep()] = true
	}
	delete(a.workloads, r.GetName())
	a.tell()
	return &emptypb.Empty{}, nil
}

func (a *agent) DeleteKept(_ context.Context, r *gpuagentv1.DeleteKeptRequest) (*emptypb.Empty, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.left, r.GetKeep())
	return &emptypb.Empty{}, nil
}

// change changes the status of a workload.
func (a *agent) change(name string, change func(*gpuagentv1.WorkloadStatus)) (*gpuagentv1.Workload, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w := proto.CloneOf(a.workloads[name])
	if w == nil {
		return nil, fault.NotFoundf("no workload %s", name)
	}
	change(w.GetStatus())
	a.workloads[name] = w
	a.tell()
	return proto.CloneOf(w), nil
}

// finish ends all replicas of a workload with an exit status.
func (a *agent) finish(t *testing.T, name string, code int32) {
	t.Helper()
	_, err := a.change(name, func(s *gpuagentv1.WorkloadStatus) {
		s.Phase = gpuagentv1.Phase_PHASE_SUCCEEDED
		if code != 0 {
			s.Phase = gpuagentv1.Phase_PHASE_FAILED
		}
		for _, r := range s.GetReplicas() {
			r.Phase, r.ExitCode, r.FinishTime = s.GetPhase(), code, timestamppb.Now()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (a *agent) WatchWorkloads(_ *gpuagentv1.WatchWorkloadsRequest, stream grpc.ServerStreamingServer[gpuagentv1.WorkloadEvent]) error {
	told := map[string]*gpuagentv1.Workload{}
	synced := false
	for {
		a.mu.Lock()
		changed := a.changed
		var events []*gpuagentv1.WorkloadEvent
		for name, w := range a.workloads {
			if told[name] != w {
				events = append(events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_UPDATED, Workload: w})
				told[name] = w
			}
		}
		for name, w := range told {
			if a.workloads[name] == nil {
				events = append(events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_DELETED, Workload: w})
				delete(told, name)
			}
		}
		a.mu.Unlock()
		if !synced {
			synced = true
			events = append(events, &gpuagentv1.WorkloadEvent{Type: gpuagentv1.WorkloadEvent_TYPE_SYNCED})
		}
		for _, e := range events {
			if err := stream.Send(e); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return stream.Context().Err()
		}
	}
}

// world is everything an engine needs, and outlives it.
type world struct {
	t       *testing.T
	state   *state.State
	agent   *agent
	volumes *volumes
	records *records
	after   time.Duration // after which jobs are archived
	mesh    rpc.Mesh
	stopped func() // stops the engine that runs; nil when none does
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, state: state.New(store.NewMemory()), agent: newAgent(), volumes: &volumes{there: map[string]*gpuagentv1.PersistentVolume{}}, records: &records{kept: map[string]*metadatav1.Record{}}}
	w.mesh = rpctest.Serve(t, func(server grpc.ServiceRegistrar) {
		gpuagentv1.RegisterWorkloadServiceServer(server, w.agent)
		gpuagentv1.RegisterVolumeServiceServer(server, w.volumes)
		metadatav1.RegisterArchiveServiceServer(server, w.records)
	})
	t.Cleanup(w.stop)
	return w
}

// start runs an engine, which knows nothing of those before it.
func (w *world) start() {
	w.t.Helper()
	var e *engine.Engine
	jobs := store.NewCache(w.state.Jobs, state.Indexes(), func(u []store.Update[*trainingv1.TrainingJob]) { e.Observe(u) }).Without(engine.Rests)
	e = engine.New(engine.Deps{
		Archive: archive.New(metadatav1.NewArchiveServiceClient(w.mesh.Conn("metadata"))), ArchiveAfter: w.after,
		State: w.state, Jobs: jobs, Workloads: gpuagentv1.NewWorkloadServiceClient(w.mesh.Conn("gpuagent")),
		Volumes: gpuagentv1.NewVolumeServiceClient(w.mesh.Conn("gpuagent")), Nodes: gpuagentv1.NewNodeServiceClient(w.mesh.Conn("gpuagent")),
		Log: slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = jobs.Run(ctx) })
	group.Go(func() { _ = e.Run(ctx, engine.Lead{}) })
	w.stopped = func() {
		cancel()
		group.Wait()
	}
}

// stop ends the engine. Whatever it had under way is cut off.
func (w *world) stop() {
	if w.stopped != nil {
		w.stopped()
		w.stopped = nil
	}
}

// create stores a job of two workers, as the API does, and with volumes.
func (w *world) create(name string, policy map[string]any, claims ...*trainingv1.JobClaim) *trainingv1.TrainingJob {
	w.t.Helper()
	manifest, err := json.Marshal(map[string]any{
		"apiVersion": "kubeflow.org/v1", "kind": "JAXJob", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"runPolicy": policy, "jaxReplicaSpecs": map[string]any{"Worker": map[string]any{
			"replicas": 2, "restartPolicy": "OnFailure",
			"template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{"name": "jax", "image": "i", "command": []any{"c"}}}}},
		}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	read, err := kind.Parse(manifest)
	if err != nil {
		w.t.Fatal(err)
	}
	job := &trainingv1.TrainingJob{
		ApiVersion: read.Kind.Version, Kind: read.Kind.Name, Manifest: read.Manifest, Spec: read.Spec(),
		Metadata: &metav1.ObjectMeta{Namespace: "default", Name: name, Uid: fmt.Sprintf("%08d-uid", len(name)), Generation: 1, CreateTime: timestamppb.Now()},
	}
	job.Spec.Claims = claims
	job.Status = lifecycle.Next(job, nil, time.Now()).Status
	if _, err := w.state.Jobs.Create(context.Background(), state.KeyOf(job), job); err != nil {
		w.t.Fatal(err)
	}
	return job
}

// becomes waits until a condition of a job holds, and returns the job.
func (w *world) becomes(job *trainingv1.TrainingJob, condition string) *trainingv1.TrainingJob {
	w.t.Helper()
	var now *trainingv1.TrainingJob
	w.eventually("the job to be "+condition, func() bool {
		item, err := w.state.Jobs.Get(context.Background(), state.KeyOf(job))
		now = item.Value
		return err == nil && lifecycle.Is(now.GetStatus(), condition)
	})
	return now
}

// eventually waits until a condition holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// runs waits until an attempt at a job runs, and returns its workload's name.
func (w *world) runs(job *trainingv1.TrainingJob, attempt int32) string {
	w.t.Helper()
	name := launch.Name(job.GetMetadata().GetName(), job.GetMetadata().GetUid(), attempt, 0)
	w.eventually(name+" to run", func() bool { return w.agent.has(name) })
	return name
}

func (a *agent) has(name string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.workloads[name] != nil
}

func TestAJobFailsOnceAndSucceeds(t *testing.T) {
	w := newWorld(t)
	w.start()
	job := w.create("a", nil)
	first := w.runs(job, 1)
	w.becomes(job, lifecycle.Running)
	w.agent.finish(t, first, 1)
	second := w.runs(job, 2)
	w.eventually("the first attempt to go", func() bool { return !w.agent.has(first) })
	w.agent.finish(t, second, 0)
	if s := w.becomes(job, lifecycle.Succeeded).GetStatus(); s.GetRestarts() != 1 || s.GetWorkload() != second {
		t.Errorf("status %v", s)
	}
}

// TestWhateverMomentTheEngineEnds cuts the engine off again and again while jobs fail
// and succeed: every attempt is started once.
func TestWhateverMomentTheEngineEnds(t *testing.T) {
	w := newWorld(t)
	var jobs []*trainingv1.TrainingJob
	for i := range 8 {
		jobs = append(jobs, w.create(strings.Repeat("j", i+1), nil))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 30 {
			w.start()
			<-time.After(3 * time.Millisecond) // any moment will do
			w.stop()
		}
		w.start()
	}()
	for _, job := range jobs {
		w.agent.finish(t, w.runs(job, 1), 137)
	}
	for _, job := range jobs {
		w.agent.finish(t, w.runs(job, 2), 0)
	}
	<-done
	for _, job := range jobs {
		if s := w.becomes(job, lifecycle.Succeeded).GetStatus(); s.GetRestarts() != 1 {
			t.Errorf("%d restarts", s.GetRestarts())
		}
	}
	w.agent.mu.Lock()
	defer w.agent.mu.Unlock()
	for name, n := range w.agent.accepted {
		if n != 1 {
			t.Errorf("%s was started %d times", name, n)
		}
	}
}

func TestADeletedJobLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.start()
	first, second := w.create("a", nil), w.create("bb", nil)
	names := []string{w.runs(first, 1), w.runs(second, 1)}
	if err := w.state.Jobs.Delete(t.Context(), state.KeyOf(first), store.AnyRevision); err != nil {
		t.Fatal(err)
	}
	w.eventually("its workload to go", func() bool { return !w.agent.has(names[0]) })
	w.stop()
	if err := w.state.Jobs.Delete(t.Context(), state.KeyOf(second), store.AnyRevision); err != nil { // while nobody watches
		t.Fatal(err)
	}
	w.start()
	w.eventually("the other's to go", func() bool { return !w.agent.has(names[1]) })
}

func TestAJobThatNoAgentTakesFails(t *testing.T) {
	w := newWorld(t)
	w.agent.refusal = fault.Invalidf("workload.spec", "is wrong")
	w.start()
	s := w.becomes(w.create("a", nil), lifecycle.Failed).GetStatus()
	if want := "JAXJob a cannot be started: invalid request: workload.spec: is wrong"; s.GetMessage() != want {
		t.Errorf("message %q", s.GetMessage())
	}
}

func TestATimeToLiveAndADeadline(t *testing.T) {
	w := newWorld(t)
	w.start()
	late := w.create("a", map[string]any{"activeDeadlineSeconds": 0})
	w.becomes(late, lifecycle.Failed)
	short := w.create("bb", map[string]any{"ttlSecondsAfterFinished": 0})
	w.agent.finish(t, w.runs(short, 1), 0)
	w.eventually("it to be deleted", func() bool {
		_, err := w.state.Jobs.Get(context.Background(), state.KeyOf(short))
		return fault.Is(err, fault.NotFound)
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
