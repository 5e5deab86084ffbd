package engine_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/sdk/metric"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/engine"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/meter"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

// world is everything an engine needs, and outlives it.
type world struct {
	t       testing.TB
	store   *store.Memory
	state   *state.State
	told    *state.State // where engines hear of runs; usually the same
	bucket  *blob.Bucket
	mesh    rpc.Mesh
	agent   *agent
	volumes *volumes
	books   *books
	config  engine.Config
	reader  *metric.ManualReader
	meter   *meter.Meter
	stopped func() // stops the engine that runs; nil when none does
}

func newWorld(t testing.TB) *world {
	t.Helper()
	bucket, err := blob.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, store: store.NewMemory(), bucket: bucket, config: engine.DefaultConfig(),
		agent: newAgent(), volumes: newVolumes(), books: newBooks(), reader: metric.NewManualReader(),
	}
	if w.meter, err = meter.New(metric.NewMeterProvider(metric.WithReader(w.reader))); err != nil {
		t.Fatal(err)
	}
	w.agent.objects, _ = bucket.Local()
	w.state = state.New(w.store)
	w.told = w.state
	w.mesh = rpctest.Serve(t, func(server grpc.ServiceRegistrar) {
		gpuagentv1.RegisterWorkloadServiceServer(server, w.agent)
		gpuagentv1.RegisterVolumeServiceServer(server, w.volumes)
		metadatav1.RegisterMetadataServiceServer(server, w.books)
		metadatav1.RegisterArchiveServiceServer(server, w.books)
	})
	t.Cleanup(w.stop)
	return w
}

// start runs an engine, which knows nothing of those before it.
func (w *world) start(guard ...store.Op) {
	w.t.Helper()
	var e *engine.Engine
	runs := store.NewCache(w.told.Runs, nil, func(u []store.Update[*pipelinev1.RunState]) { e.Observe(u) })
	e = engine.New(w.config, engine.Deps{
		State:     w.state,
		Runs:      runs,
		Bucket:    w.bucket,
		Workloads: gpuagentv1.NewWorkloadServiceClient(w.mesh.Conn("gpuagent")),
		Volumes:   gpuagentv1.NewVolumeServiceClient(w.mesh.Conn("gpuagent")),
		Metadata:  metadatav1.NewMetadataServiceClient(w.mesh.Conn("metadata")),
		Archive:   metadatav1.NewArchiveServiceClient(w.mesh.Conn("metadata")),
		Condemned: func() {},
		Meter:     w.meter,
		Log:       slog.New(slog.NewTextHandler(w.t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{}, 2)
	go func() { _ = runs.Run(ctx); done <- struct{}{} }()
	go func() {
		if err := e.Run(ctx, engine.Lead{Guard: guard}); err != nil {
			w.t.Errorf("the engine ended with %v", err)
		}
		done <- struct{}{}
	}()
	w.stopped = func() {
		cancel()
		<-done
		<-done
	}
}

// stop ends the engine. Whatever it had under way is cut off.
func (w *world) stop() {
	if w.stopped != nil {
		w.stopped()
		w.stopped = nil
	}
}

// create stores a run of a spec, as the API does, and returns its id.
func (w *world) create(spec string, parameters map[string]any) string {
	w.t.Helper()
	digest, err := w.bucket.PutDigest(context.Background(), state.Specs, []byte(spec))
	if err != nil {
		w.t.Fatal(err)
	}
	id := uuid.NewString()
	run := &pipelinev1.Run{
		RunId: id, DisplayName: "a run", State: pipelinev1.RuntimeState_PENDING, CreatedAt: timestamppb.Now(),
		RuntimeConfig: &pipelinev1.RuntimeConfig{Parameters: map[string]*structpb.Value{}},
	}
	for name, value := range parameters {
		if run.RuntimeConfig.Parameters[name], err = structpb.NewValue(value); err != nil {
			w.t.Fatal(err)
		}
	}
	stored := &pipelinev1.RunState{Run: run, Namespace: "default", PipelineName: "test", SpecDigest: digest}
	if err := state.StoreParameters(context.Background(), w.bucket, stored); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.state.Runs.Create(context.Background(), id, stored); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// ask changes a run as the API does.
func (w *world) ask(id string, change func(*pipelinev1.RunState)) {
	w.t.Helper()
	_, err := w.state.Runs.Modify(context.Background(), id, func(r *pipelinev1.RunState) (bool, error) {
		change(r)
		return true, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
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
			w.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// archived waits until a run is over, out of the store and in the archive.
func (w *world) archived(id string) *pipelinev1.ArchivedRun {
	w.t.Helper()
	w.eventually("the run leaves the store", func() bool { return w.gone(id) })
	record := w.books.record(id)
	if record == nil {
		w.t.Fatal("the run is gone and was not archived")
	}
	run, err := state.Detail(record)
	if err != nil {
		w.t.Fatal(err)
	}
	return run
}

// gone reports whether nothing of a run is left in the store.
func (w *world) gone(id string) bool {
	_, err := w.state.Runs.Get(context.Background(), id)
	tasks, _, listErr := w.state.Tasks.List(context.Background(), id+"/")
	return fault.Is(err, fault.NotFound) && listErr == nil && len(tasks) == 0
}

// workload waits for the workload of a task's attempt and returns its name.
func (w *world) workload(path string) string {
	w.t.Helper()
	var found string
	w.eventually("a workload for "+path, func() bool {
		w.agent.mu.Lock()
		defer w.agent.mu.Unlock()
		for name, workload := range w.agent.workloads {
			if workload.GetMetadata().GetAnnotations()["kfmesh.dev/task-path"] == path && workload.GetStatus().GetFinishTime() == nil {
				found = name
			}
		}
		return found != ""
	})
	return found
}

// tasks returns the states of a run's tasks by path.
func tasks(run *pipelinev1.ArchivedRun) map[string]pipelinev1.RuntimeState {
	states := map[string]pipelinev1.RuntimeState{}
	for _, t := range run.GetTasks() {
		states[t.GetPath()] = t.GetDetail().GetState()
	}
	return states
}

func task(t testing.TB, run *pipelinev1.ArchivedRun, path string) *pipelinev1.Task {
	t.Helper()
	for _, task := range run.GetTasks() {
		if task.GetPath() == path {
			return task
		}
	}
	t.Fatalf("the run has no task %q", path)
	return nil
}
