package cli

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

var update = flag.Bool("update", false, "write golden files")

// The moment at which tests take place, and ids that look like real ones.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	runID        = "9f2a1c3e-0000-4000-8000-000000000001"
	failedID     = "0b1d22aa-0000-4000-8000-000000000002"
	pipelineID   = "5c5c5c5c-0000-4000-8000-000000000003"
	versionID    = "6d6d6d6d-0000-4000-8000-000000000004"
	experimentID = "7e7e7e7e-0000-4000-8000-000000000005"
)

func ago(d time.Duration) *timestamppb.Timestamp { return timestamppb.New(now.Add(-d)) }

// result is what one invocation did.
type result struct {
	status   int
	out, err string
}

// invoke runs a command line against a fake server.
func invoke(t *testing.T, f *fake, args ...string) result {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	register(server, f)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- mesh.Serve() }()
	defer func() {
		server.Stop()
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
		if err := mesh.Close(); err != nil {
			t.Error(err)
		}
	}()
	var out, errOut bytes.Buffer
	s := &Session{
		Term:    output.Captured(&out, &errOut, func() time.Time { return now }),
		Version: "v0.0.0-test",
		Connect: func(context.Context, string) (*client.Client, error) { return client.New(mesh), nil },
	}
	s.Term.In = strings.NewReader(f.answer)
	status := Execute(t.Context(), s, args)
	return result{status: status, out: out.String(), err: errOut.String()}
}

func register(server *grpc.Server, f *fake) {
	if f.cache != nil {
		pipelinev1.RegisterCacheServiceServer(server, f.cache)
		pipelinev1.RegisterHousekeepingServiceServer(server, &f.cache.pipeline)
		gpuagentv1.RegisterHousekeepingServiceServer(server, &f.cache.node)
		trainingv1.RegisterHousekeepingServiceServer(server, jobHousekeeper{})
	}
	if f.tokens != nil {
		meshv1.RegisterTokenServiceServer(server, f.tokens)
	}
	if f.jobs != nil {
		trainingv1.RegisterTrainingServiceServer(server, f.jobs)
	}
	if f.models != nil {
		metadatav1.RegisterModelRegistryServiceServer(server, f.models)
	}
	if f.queues != nil {
		gpuagentv1.RegisterQueueServiceServer(server, f.queues)
	}
	pipelinev1.RegisterPipelineServiceServer(server, f)
	pipelinev1.RegisterExperimentServiceServer(server, f)
	pipelinev1.RegisterRunServiceServer(server, f)
	pipelinev1.RegisterRecurringRunServiceServer(server, &f.recurring)
	metadatav1.RegisterMetadataServiceServer(server, f)
	metadatav1.RegisterTrackingServiceServer(server, fakeTracking{})
	gpuagentv1.RegisterWorkloadServiceServer(server, f)
	gpuagentv1.RegisterNodeServiceServer(server, f)
	gpuagentv1.RegisterSecretServiceServer(server, f)
	gpuagentv1.RegisterConfigMapServiceServer(server, f)
	gpuagentv1.RegisterVolumeServiceServer(server, f)
}

// golden compares text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("output differs from %s:\n%s", path, got)
	}
}

// populated is a server on which things have happened.
func populated(t *testing.T) *fake {
	t.Helper()
	failed := task("t9", "train", "for-loop-1[1]/train", "i1", pipelinev1.RuntimeState_FAILED)
	failed.ExitCode = 3
	failed.Message = "task \"train\" failed: exit status 3"
	failed.LogTail = "Traceback (most recent call last):\nValueError: bad luck\n"
	f := &fake{
		looked: make(chan struct{}, 1),
		pipelines: []*pipelinev1.Pipeline{
			{PipelineId: pipelineID, Name: "breast-cancer", Namespace: "default", Description: "picks the best", CreatedAt: ago(3 * time.Hour)},
		},
		versions: []*pipelinev1.PipelineVersion{
			{PipelineId: pipelineID, PipelineVersionId: versionID, Name: "v1", CreatedAt: ago(3 * time.Hour), PipelineSpec: document(t)},
		},
		experiments: []*pipelinev1.Experiment{
			{ExperimentId: experimentID, DisplayName: "Default", CreatedAt: ago(50 * time.Hour), LastRunCreatedAt: ago(time.Minute)},
		},
		runs: []*pipelinev1.Run{
			{
				RunId: runID, DisplayName: "good", ExperimentId: experimentID, State: pipelinev1.RuntimeState_SUCCEEDED,
				CreatedAt: ago(time.Minute), FinishedAt: ago(time.Minute - 2340*time.Millisecond),
				RuntimeConfig: &pipelinev1.RuntimeConfig{Parameters: map[string]*structpb.Value{
					"epochs": structpb.NewNumberValue(3), "kind": structpb.NewStringValue("svm"),
				}},
			},
			{
				RunId: failedID, DisplayName: "bad", ExperimentId: "other", State: pipelinev1.RuntimeState_FAILED,
				CreatedAt: ago(2 * time.Hour), FinishedAt: ago(time.Hour),
			},
		},
		tasks: map[string][]*pipelinev1.Task{
			runID: goodTasks(t, pipelinev1.RuntimeState_SUCCEEDED),
			failedID: {
				task("root", "root", "", "", pipelinev1.RuntimeState_FAILED),
				task("l1", "for-loop-1", "for-loop-1", "root", pipelinev1.RuntimeState_FAILED, pipelinev1.Task_KIND_LOOP),
				task("i1", "for-loop-1", "for-loop-1[1]", "l1", pipelinev1.RuntimeState_FAILED, pipelinev1.Task_KIND_ITERATION),
				failed,
				task("t10", "evaluate", "evaluate", "root", pipelinev1.RuntimeState_SKIPPED),
			},
		},
		artifacts: []*metadatav1.Artifact{
			{ArtifactId: 7, Name: "model", Type: "system.Model", Uri: "/data/model", Context: runID, CreateTime: ago(time.Minute)},
			{ArtifactId: 6, Name: "dataset", Type: "system.Dataset", Uri: "/data/dataset", Context: runID, CreateTime: ago(time.Minute)},
		},
		lineage: lineageOfModel(),
		refused: []*metadatav1.RefusedEvent{{
			EventId: 3, ExecutionId: 17, ExecutionName: "train", Namespace: "default", EventType: "COMPLETE", Status: 422,
			Reason: "unknown job", Event: structOf(t, map[string]any{"eventType": "COMPLETE"}), RefuseTime: ago(time.Minute),
		}},
		nodes: []*gpuagentv1.Node{{Metadata: &metav1.ObjectMeta{Name: "laptop"}, Status: &gpuagentv1.NodeStatus{
			Ready: true, CpuMilli: 8000, MemoryBytes: 16 << 30, AgentVersion: "v0.1.0", HeartbeatTime: ago(time.Second), Platform: "linux/amd64",
			CpuUsedMilli: 2500, MemoryUsedBytes: 4 << 30,
			Replicas: []*gpuagentv1.ReplicaUsage{
				{Replica: "default/idle/worker-0", MemoryUsedBytes: 1 << 20},
				{Replica: "default/train/worker-0", CpuUsedMilli: 1950, MemoryUsedBytes: 3 << 30},
			},
			GpuDriver: "NVML, driver 570.86.15", GpusFenced: true, GpuFenceMessage: "control groups of version 2 in /sys/fs/cgroup", EnforcedLimits: []string{"memory"}, LimitsMessage: "limits of CPU are not enforced: none",
			Gpus: []*gpuagentv1.Gpu{
				{Model: "H100", MemoryBytes: 80 << 30, Holder: "default/train/worker-0", Usage: &gpuagentv1.GpuUsage{
					UtilizationPercent: 97, MemoryUsedBytes: 70 << 30, TemperatureCelsius: 61, PowerWatts: 512.3,
				}},
				{Index: 1, Uuid: "GPU-b", Model: "H100", MemoryBytes: 80 << 30, Problem: "withdrawn: XID 79"},
			},
		}}},
		workloads: []*gpuagentv1.Workload{
			workload("older", gpuagentv1.Phase_PHASE_SUCCEEDED), workload("newer", gpuagentv1.Phase_PHASE_RUNNING),
		},
	}
	return f
}

func task(id, name, path, parent string, state pipelinev1.RuntimeState, kind ...pipelinev1.Task_Kind) *pipelinev1.Task {
	k := pipelinev1.Task_KIND_CONTAINER
	if id == "root" {
		k = pipelinev1.Task_KIND_DAG
	}
	if len(kind) > 0 {
		k = kind[0]
	}
	detail := &pipelinev1.PipelineTaskDetail{TaskId: id, ParentTaskId: parent, State: state, CreateTime: ago(time.Minute)}
	if state != pipelinev1.RuntimeState_PENDING && state != pipelinev1.RuntimeState_SKIPPED {
		detail.StartTime = ago(time.Minute)
	}
	if state == pipelinev1.RuntimeState_SUCCEEDED || state == pipelinev1.RuntimeState_FAILED {
		detail.EndTime = ago(time.Minute - 1250*time.Millisecond)
	}
	return &pipelinev1.Task{Detail: detail, Name: name, Path: path, Kind: k}
}

// goodTasks is a pipeline of two tasks, of which the second is in the state.
func goodTasks(t *testing.T, state pipelinev1.RuntimeState) []*pipelinev1.Task {
	t.Helper()
	load := task("t1", "load", "load", "root", pipelinev1.RuntimeState_SUCCEEDED)
	load.CachedFromRunId = failedID
	load.OutputArtifacts = []*pipelinev1.TaskArtifact{
		{Key: "dataset", Type: "system.Dataset", Uri: "/data/dataset", ArtifactId: 6},
	}
	train := task("t2", "train", "train", "root", state)
	if state == pipelinev1.RuntimeState_SUCCEEDED {
		train.OutputArtifacts = []*pipelinev1.TaskArtifact{
			{Key: "model", Type: "system.Model", Uri: "/data/model", ArtifactId: 7},
			{Key: "metrics", Type: "system.Metrics", ArtifactId: 8, Metadata: structOf(t, map[string]any{"accuracy": 0.9714285, "rows": 114})},
			{Key: "quality", Type: "system.ClassificationMetrics", ArtifactId: 10, Metadata: structOf(t, classification)},
		}
	}
	root := task("root", "root", "", "", state)
	return []*pipelinev1.Task{root, load, train}
}

// classification is what the kfp SDK writes for a confusion matrix and a ROC curve.
var classification = map[string]any{
	"confusionMatrix": map[string]any{
		"annotationSpecs": []any{map[string]any{"displayName": "benign"}, map[string]any{"displayName": "malignant"}},
		"rows":            []any{map[string]any{"row": []any{70, 1}}, map[string]any{"row": []any{3, 40}}},
	},
	"confidenceMetrics": []any{
		map[string]any{"confidenceThreshold": 1, "falsePositiveRate": 0, "recall": 0},
		map[string]any{"confidenceThreshold": 0, "falsePositiveRate": 1, "recall": 1},
	},
}

func structOf(t *testing.T, fields map[string]any) *structpb.Struct {
	t.Helper()
	s, err := structpb.NewStruct(fields)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func document(t *testing.T) *structpb.Struct {
	t.Helper()
	return structOf(t, map[string]any{
		"pipelineInfo": map[string]any{"name": "breast-cancer"},
		"root": map[string]any{
			"dag": map[string]any{"tasks": map[string]any{"load": map[string]any{"cachingOptions": map[string]any{"enableCache": true}}}},
			"inputDefinitions": map[string]any{"parameters": map[string]any{
				"epochs": map[string]any{"parameterType": "NUMBER_INTEGER", "defaultValue": 1.0},
			}},
		},
	})
}

func lineageOfModel() *metadatav1.GetLineageResponse {
	return &metadatav1.GetLineageResponse{
		Artifacts: []*metadatav1.Artifact{
			{ArtifactId: 7, Name: "model", Type: "system.Model", Uri: "/data/model"},
			{ArtifactId: 6, Name: "dataset", Type: "system.Dataset", Uri: "/data/dataset"},
			{ArtifactId: 9, Name: "report", Type: "system.HTML"},
		},
		Executions: []*metadatav1.Execution{
			{ExecutionId: 1, Name: "load", State: metadatav1.Execution_STATE_COMPLETE, Context: failedID},
			{ExecutionId: 2, Name: "train", State: metadatav1.Execution_STATE_COMPLETE, Context: runID},
			{ExecutionId: 3, Name: "load", State: metadatav1.Execution_STATE_CACHED, Context: runID},
			{ExecutionId: 4, Name: "evaluate", State: metadatav1.Execution_STATE_COMPLETE, Context: runID},
		},
		Events: []*metadatav1.Event{
			{ExecutionId: 1, ArtifactId: 6, Type: metadatav1.Event_TYPE_OUTPUT, Key: "dataset"},
			{ExecutionId: 3, ArtifactId: 6, Type: metadatav1.Event_TYPE_OUTPUT, Key: "dataset"},
			{ExecutionId: 2, ArtifactId: 6, Type: metadatav1.Event_TYPE_INPUT, Key: "data"},
			{ExecutionId: 2, ArtifactId: 7, Type: metadatav1.Event_TYPE_OUTPUT, Key: "model"},
			{ExecutionId: 4, ArtifactId: 7, Type: metadatav1.Event_TYPE_INPUT, Key: "model"},
			{ExecutionId: 4, ArtifactId: 9, Type: metadatav1.Event_TYPE_OUTPUT, Key: "report"},
		},
	}
}

func workload(name string, phase gpuagentv1.Phase) *gpuagentv1.Workload {
	return &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{Name: name, Namespace: "default", CreateTime: ago(time.Minute)},
		Spec: &gpuagentv1.WorkloadSpec{Groups: []*gpuagentv1.ReplicaGroup{{
			Name: "worker", Count: 2, Template: &gpuagentv1.Template{
				Image: "python:3.11", Command: []string{"python3", "train.py"}, Resources: &gpuagentv1.Resources{CpuMilli: 1500, Gpus: 1},
			},
		}}},
		Status: &gpuagentv1.WorkloadStatus{
			Phase: phase, Epoch: 1, StartTime: ago(time.Minute),
			Replicas: []*gpuagentv1.ReplicaStatus{
				{Group: "worker", Index: 0, Phase: phase, Node: "laptop", Pid: 42, StartTime: ago(time.Minute), Ports: map[string]int32{"rendezvous": 29500}},
				{
					Group: "worker", Index: 1, Phase: gpuagentv1.Phase_PHASE_FAILED, Node: "laptop", ExitCode: 1, Message: "exit status 1",
					StartTime: ago(time.Minute), FinishTime: ago(30 * time.Second), LogTail: "boom\n",
				},
			},
		},
	}
}
