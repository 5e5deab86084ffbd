package cli

import (
	"context"
	"slices"
	"strings"
	"sync"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// fake is every service the command line talks to, over what a test puts in.
type fake struct {
	pipelinev1.UnimplementedPipelineServiceServer
	pipelinev1.UnimplementedExperimentServiceServer
	pipelinev1.UnimplementedRunServiceServer
	metadatav1.UnimplementedMetadataServiceServer
	gpuagentv1.UnimplementedWorkloadServiceServer
	gpuagentv1.UnimplementedNodeServiceServer
	gpuagentv1.UnimplementedSecretServiceServer
	gpuagentv1.UnimplementedConfigMapServiceServer
	gpuagentv1.UnimplementedVolumeServiceServer

	recurring   fakeRecurring
	mu          sync.Mutex
	pipelines   []*pipelinev1.Pipeline
	versions    []*pipelinev1.PipelineVersion
	experiments []*pipelinev1.Experiment
	runs        []*pipelinev1.Run // newest first
	tasks       map[string][]*pipelinev1.Task
	artifacts   []*metadatav1.Artifact
	lineage     *metadatav1.GetLineageResponse
	refused     []*metadatav1.RefusedEvent
	workloads   []*gpuagentv1.Workload // oldest first
	nodes       []*gpuagentv1.Node
	taskLogs    []*pipelinev1.TaskLogChunk
	logs        []*gpuagentv1.LogChunk
	// steps are the stages that a watched run goes through; each watch sends
	// them all.
	steps []stage
	// looked holds something once the tasks have been asked for, so that a watch
	// can wait until a stage has been seen.
	looked chan struct{}
	// cache answers for the cache and housekeeping, when it is set.
	cache *fakeCache
	// models answers for the model registry, when it is set.
	models *fakeModels
	// queues answers for queues, when it is set.
	queues *fakeQueues
	// jobs answers for training jobs, when it is set.
	jobs *fakeJobs
	// drained says that a node is to be empty once workloads have been looked at.
	drained bool
	looks   int
	// loggedOf is the workload whose log was asked for last.
	loggedOf string
	// tokens answers for the tokens of the mesh, when it is set.
	tokens meshv1.TokenServiceServer
	// answer is what standard input holds.
	answer string
	// create is what CreateRun answers with, when it is to fail.
	create error

	requests []proto.Message // what was asked that changes something
}

// stage is a run and its tasks at one moment.
type stage struct {
	state pipelinev1.RuntimeState
	tasks []*pipelinev1.Task
}

func (f *fake) asked(m proto.Message) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.requests = append(f.requests, m)
}

// page cuts a list as a server does whose tokens are offsets written in letters.
func page[M any](all []M, size int32, token string) (items []M, next string) {
	const most = 3 // small, so that every longer list takes several calls
	from := len(token)
	to := min(len(all), from+min(int(size), most))
	if to < len(all) {
		next = strings.Repeat("x", to)
	}
	return all[from:to], next
}

// matches reports whether the fields of an item satisfy an encoded filter.
func matches(encoded string, fields map[string]string) bool {
	filter := &metav1.Filter{}
	if encoded != "" && protojson.Unmarshal([]byte(encoded), filter) != nil {
		return false
	}
	for _, p := range filter.GetPredicates() {
		value, known := fields[p.GetKey()]
		switch {
		case !known,
			p.GetOperation() == metav1.Predicate_EQUALS && value != p.GetStringValue(),
			p.GetOperation() == metav1.Predicate_IS_SUBSTRING && !strings.Contains(value, p.GetStringValue()):
			return false
		}
	}
	return true
}

func (f *fake) ListRuns(_ context.Context, r *pipelinev1.ListRunsRequest) (*pipelinev1.ListRunsResponse, error) {
	var found []*pipelinev1.Run
	for _, run := range f.runs {
		if (r.GetExperimentId() == "" || r.GetExperimentId() == run.GetExperimentId()) && matches(r.GetFilter(), map[string]string{
			"run_id": run.GetRunId(), "display_name": run.GetDisplayName(), "state": run.GetState().String(),
		}) {
			found = append(found, run)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListRunsResponse{Runs: items, NextPageToken: next}, nil
}

func (f *fake) GetRun(_ context.Context, r *pipelinev1.GetRunRequest) (*pipelinev1.Run, error) {
	return pick(f.runs, "run", r.GetRunId(), (*pipelinev1.Run).GetRunId)
}

func (f *fake) CreateRun(_ context.Context, r *pipelinev1.CreateRunRequest) (*pipelinev1.Run, error) {
	f.asked(r)
	if f.create != nil {
		return nil, f.create
	}
	run := proto.CloneOf(r.GetRun())
	run.RunId = runID
	return run, nil
}

func (f *fake) TerminateRun(_ context.Context, r *pipelinev1.TerminateRunRequest) (*emptypb.Empty, error) {
	f.asked(r)
	run, err := pick(f.runs, "run", r.GetRunId(), (*pipelinev1.Run).GetRunId)
	if err == nil && run.GetState() == pipelinev1.RuntimeState_SUCCEEDED {
		err = fault.Preconditionf("run %s has SUCCEEDED and cannot be terminated", r.GetRunId())
	}
	return &emptypb.Empty{}, err
}

func (f *fake) RetryRun(_ context.Context, r *pipelinev1.RetryRunRequest) (*emptypb.Empty, error) {
	f.asked(r)
	return &emptypb.Empty{}, nil
}

func (f *fake) GetRunSpec(_ context.Context, r *pipelinev1.GetRunSpecRequest) (*structpb.Struct, error) {
	run, err := pick(f.runs, "run", r.GetRunId(), (*pipelinev1.Run).GetRunId)
	if err == nil && run.GetPipelineSpec() == nil {
		return f.versions[0].GetPipelineSpec(), nil
	}
	return run.GetPipelineSpec(), err
}

func (f *fake) GetPipelineVersion(_ context.Context, r *pipelinev1.GetPipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	return pick(f.versions, "version", r.GetPipelineVersionId(), (*pipelinev1.PipelineVersion).GetPipelineVersionId)
}

func (f *fake) DeleteRun(_ context.Context, r *pipelinev1.DeleteRunRequest) (*emptypb.Empty, error) {
	f.asked(r)
	return &emptypb.Empty{}, nil
}

func (f *fake) WatchRun(r *pipelinev1.WatchRunRequest, stream pipelinev1.RunService_WatchRunServer) error {
	run, err := pick(f.runs, "run", r.GetRunId(), (*pipelinev1.Run).GetRunId)
	if err != nil {
		return err
	}
	for i, step := range f.steps {
		if i > 0 {
			<-f.looked
		}
		f.mu.Lock()
		f.tasks[run.GetRunId()] = step.tasks
		f.mu.Unlock()
		now := proto.CloneOf(run)
		now.State = step.state
		if err := stream.Send(now); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) ListTasks(_ context.Context, r *pipelinev1.ListTasksRequest) (*pipelinev1.ListTasksResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	select {
	case f.looked <- struct{}{}:
	default:
	}
	return &pipelinev1.ListTasksResponse{Tasks: f.tasks[r.GetRunId()]}, nil
}

func (f *fake) TaskLogs(r *pipelinev1.TaskLogsRequest, stream pipelinev1.RunService_TaskLogsServer) error {
	for _, chunk := range f.taskLogs {
		if r.GetTask() != "" && r.GetTask() != chunk.GetTaskPath() && !strings.HasSuffix(chunk.GetTaskPath(), "/"+r.GetTask()) {
			continue
		}
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) ListPipelines(_ context.Context, r *pipelinev1.ListPipelinesRequest) (*pipelinev1.ListPipelinesResponse, error) {
	var found []*pipelinev1.Pipeline
	for _, p := range f.pipelines {
		if matches(r.GetFilter(), map[string]string{"pipeline_id": p.GetPipelineId(), "name": p.GetName()}) {
			found = append(found, p)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListPipelinesResponse{Pipelines: items, NextPageToken: next}, nil
}

func (f *fake) GetPipeline(_ context.Context, r *pipelinev1.GetPipelineRequest) (*pipelinev1.Pipeline, error) {
	return pick(f.pipelines, "pipeline", r.GetPipelineId(), (*pipelinev1.Pipeline).GetPipelineId)
}

func (f *fake) DeletePipeline(_ context.Context, r *pipelinev1.DeletePipelineRequest) (*emptypb.Empty, error) {
	f.asked(r)
	return &emptypb.Empty{}, nil
}

func (f *fake) ListPipelineVersions(_ context.Context, r *pipelinev1.ListPipelineVersionsRequest) (*pipelinev1.ListPipelineVersionsResponse, error) {
	items, next := page(f.versions, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListPipelineVersionsResponse{PipelineVersions: items, NextPageToken: next}, nil
}

func (f *fake) UploadPipeline(_ context.Context, r *pipelinev1.UploadPipelineRequest) (*pipelinev1.Pipeline, error) {
	f.asked(r)
	return &pipelinev1.Pipeline{PipelineId: pipelineID, Name: r.GetName()}, nil
}

func (f *fake) UploadPipelineVersion(_ context.Context, r *pipelinev1.UploadPipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	f.asked(r)
	return &pipelinev1.PipelineVersion{PipelineId: r.GetPipelineId(), PipelineVersionId: versionID, Name: r.GetName()}, nil
}

func (f *fake) ListExperiments(_ context.Context, r *pipelinev1.ListExperimentsRequest) (*pipelinev1.ListExperimentsResponse, error) {
	var found []*pipelinev1.Experiment
	for _, e := range f.experiments {
		if matches(r.GetFilter(), map[string]string{"experiment_id": e.GetExperimentId(), "display_name": e.GetDisplayName()}) {
			found = append(found, e)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &pipelinev1.ListExperimentsResponse{Experiments: items, NextPageToken: next}, nil
}

func (f *fake) GetExperiment(_ context.Context, r *pipelinev1.GetExperimentRequest) (*pipelinev1.Experiment, error) {
	return pick(f.experiments, "experiment", r.GetExperimentId(), (*pipelinev1.Experiment).GetExperimentId)
}

func (f *fake) CreateExperiment(_ context.Context, r *pipelinev1.CreateExperimentRequest) (*pipelinev1.Experiment, error) {
	f.asked(r)
	made := proto.CloneOf(r.GetExperiment())
	made.ExperimentId = "new-experiment"
	return made, nil
}

func (f *fake) ListArtifacts(_ context.Context, r *metadatav1.ListArtifactsRequest) (*metadatav1.ListArtifactsResponse, error) {
	var found []*metadatav1.Artifact
	for _, a := range f.artifacts {
		fields := map[string]string{"context": a.GetContext(), "type": a.GetType(), "name": a.GetName()}
		if matches(r.GetFilter(), fields) {
			found = append(found, a)
		}
	}
	items, next := page(found, r.GetPageSize(), r.GetPageToken())
	return &metadatav1.ListArtifactsResponse{Artifacts: items, NextPageToken: next}, nil
}

func (f *fake) GetArtifact(_ context.Context, r *metadatav1.GetArtifactRequest) (*metadatav1.Artifact, error) {
	return pick(f.artifacts, "artifact", r.GetArtifactId(), (*metadatav1.Artifact).GetArtifactId)
}

func (f *fake) GetLineage(context.Context, *metadatav1.GetLineageRequest) (*metadatav1.GetLineageResponse, error) {
	return f.lineage, nil
}

func (f *fake) ListRefusedEvents(context.Context, *metadatav1.ListRefusedEventsRequest) (*metadatav1.ListRefusedEventsResponse, error) {
	return &metadatav1.ListRefusedEventsResponse{Events: f.refused}, nil
}

func (f *fake) ListWorkloads(_ context.Context, r *gpuagentv1.ListWorkloadsRequest) (*gpuagentv1.ListWorkloadsResponse, error) {
	if f.drained && r.GetPageToken() == "" {
		f.looks++
	}
	if f.looks > 1 {
		for _, w := range f.workloads {
			w.Status.Replicas = nil
		}
	}
	items, next := page(f.workloads, r.GetPageSize(), r.GetPageToken())
	return &gpuagentv1.ListWorkloadsResponse{Workloads: items, NextPageToken: next}, nil
}

func (f *fake) GetWorkload(_ context.Context, r *gpuagentv1.GetWorkloadRequest) (*gpuagentv1.Workload, error) {
	return pick(f.workloads, "workload", r.GetName(), func(w *gpuagentv1.Workload) string { return w.GetMetadata().GetName() })
}

func (f *fake) StopWorkload(_ context.Context, r *gpuagentv1.StopWorkloadRequest) (*gpuagentv1.Workload, error) {
	f.asked(r)
	return &gpuagentv1.Workload{}, nil
}

func (f *fake) Logs(r *gpuagentv1.LogsRequest, stream gpuagentv1.WorkloadService_LogsServer) error {
	f.loggedOf = r.GetName()
	for _, chunk := range f.logs {
		if err := stream.Send(chunk); err != nil {
			return err
		}
	}
	return nil
}

func (f *fake) ListNodes(context.Context, *gpuagentv1.ListNodesRequest) (*gpuagentv1.ListNodesResponse, error) {
	return &gpuagentv1.ListNodesResponse{Nodes: f.nodes}, nil
}

func (f *fake) GetNode(_ context.Context, r *gpuagentv1.GetNodeRequest) (*gpuagentv1.Node, error) {
	return pick(f.nodes, "node", r.GetName(), func(n *gpuagentv1.Node) string { return n.GetMetadata().GetName() })
}

// CordonNode notes whether the node is to be empty soon.
func (f *fake) CordonNode(_ context.Context, r *gpuagentv1.CordonNodeRequest) (*gpuagentv1.Node, error) {
	f.asked(r)
	f.drained = r.GetDrain()
	return pick(f.nodes, "node", r.GetName(), func(n *gpuagentv1.Node) string { return n.GetMetadata().GetName() })
}

// pick finds the item with exactly this id.
func pick[M any, K comparable](all []M, kind string, id K, of func(M) K) (M, error) {
	if i := slices.IndexFunc(all, func(m M) bool { return of(m) == id }); i >= 0 {
		return all[i], nil
	}
	var none M
	return none, fault.NotFoundf("%s %v does not exist", kind, id)
}
