package api

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/list"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// fixture is the API over memory, called through gRPC.
type fixture struct {
	pipelinev1.PipelineServiceClient
	pipelinev1.ExperimentServiceClient
	pipelinev1.RunServiceClient
	pipelinev1.RecurringRunServiceClient
	maker Maker
	pipelinev1.CacheServiceClient
	state   *state.State
	bucket  *blob.Bucket
	archive *fakeArchive
	logs    *fakeLogs
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	bucket, err := blob.Open(t.Context(), "mem://")
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		state:   state.New(store.NewMemory()),
		bucket:  bucket,
		archive: &fakeArchive{records: map[string]*metadatav1.Record{}},
		logs:    &fakeLogs{written: map[string]string{}},
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	metadatav1.RegisterArchiveServiceServer(server, f.archive)
	gpuagentv1.RegisterWorkloadServiceServer(server, f.logs)
	conn := mesh.Conn("pipeline")
	deps := Deps{
		State:     f.state,
		Blob:      bucket,
		Archive:   metadatav1.NewArchiveServiceClient(conn),
		Workloads: gpuagentv1.NewWorkloadServiceClient(conn),
	}
	Register(server, deps)
	f.maker = NewMaker(deps)
	served := make(chan error, 1)
	go func() { served <- mesh.Serve() }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	f.PipelineServiceClient = pipelinev1.NewPipelineServiceClient(conn)
	f.ExperimentServiceClient = pipelinev1.NewExperimentServiceClient(conn)
	f.RunServiceClient = pipelinev1.NewRunServiceClient(conn)
	f.RecurringRunServiceClient = pipelinev1.NewRecurringRunServiceClient(conn)
	f.CacheServiceClient = pipelinev1.NewCacheServiceClient(conn)
	return f
}

// helloYAML is a compiled pipeline with one required and one optional parameter.
const helloYAML = `
pipelineInfo: {name: hello}
schemaVersion: 2.1.0
sdkVersion: kfp-2.17.0
deploymentSpec:
  executors:
    exec-greet:
      container: {image: alpine, command: [echo], args: ["{{$.inputs.parameters['name']}}"]}
components:
  comp-greet:
    executorLabel: exec-greet
    inputDefinitions: {parameters: {name: {parameterType: STRING}}}
root:
  inputDefinitions:
    parameters:
      name: {parameterType: STRING}
      times: {parameterType: NUMBER_INTEGER, defaultValue: 1, isOptional: true}
  dag:
    tasks:
      greet:
        taskInfo: {name: greet}
        componentRef: {name: comp-greet}
        inputs: {parameters: {name: {componentInputParameter: name}}}
`

// must returns a value whose making must not fail.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// wantFault checks that a call was refused as it ought to be.
func wantFault(t *testing.T, err error, kind fault.Kind, mention string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), mention) {
		t.Errorf("got %v, want %s with %q", err, kind, mention)
	}
}

func (f *fixture) upload(t *testing.T, name string) *pipelinev1.Pipeline {
	t.Helper()
	return must(f.UploadPipeline(t.Context(), &pipelinev1.UploadPipelineRequest{
		Name: name, FileName: "hello.yaml", Content: []byte(helloYAML),
	}))(t)
}

// run is a request for a run of the spec with the parameter it needs.
func helloRun(t *testing.T) *pipelinev1.Run {
	t.Helper()
	of := must(parseSpec([]byte(helloYAML)))(t)
	return &pipelinev1.Run{
		DisplayName:    "first",
		PipelineSource: &pipelinev1.Run_PipelineSpec{PipelineSpec: of.shown},
		RuntimeConfig:  &pipelinev1.RuntimeConfig{Parameters: map[string]*structpb.Value{"name": structpb.NewStringValue("you")}},
	}
}

func (f *fixture) start(t *testing.T, change func(*pipelinev1.Run)) *pipelinev1.Run {
	t.Helper()
	asked := helloRun(t)
	if change != nil {
		change(asked)
	}
	return must(f.CreateRun(t.Context(), &pipelinev1.CreateRunRequest{Run: asked}))(t)
}

// set changes a live run, as the engine does.
func (f *fixture) set(t *testing.T, id string, change func(*pipelinev1.RunState)) {
	t.Helper()
	must(f.state.Runs.Modify(t.Context(), id, func(run *pipelinev1.RunState) (bool, error) {
		change(run)
		return true, nil
	}))(t)
}

// addTask stores a task of a live run, as the engine does.
func (f *fixture) addTask(t *testing.T, runID string, task *pipelinev1.Task) {
	t.Helper()
	must(f.state.Tasks.Update(t.Context(), state.TaskKey(runID, task.GetDetail().GetTaskId()), task, store.AnyRevision))(t)
}

// finish moves a live run to the archive, as the engine does.
func (f *fixture) finish(t *testing.T, id string, in pipelinev1.RuntimeState) {
	t.Helper()
	f.set(t, id, func(run *pipelinev1.RunState) { run.Run.State = in })
	item := must(f.state.Runs.Get(t.Context(), id))(t)
	tasks := must(values(t.Context(), f.state.Tasks, state.TaskKey(id, "")))(t)
	f.archive.put(must(state.Record(item.Value, tasks))(t))
	if err := f.state.Runs.Delete(t.Context(), id, item.Revision); err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		key := state.TaskKey(id, task.GetDetail().GetTaskId())
		if err := f.state.Tasks.Delete(t.Context(), key, store.AnyRevision); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeArchive is the archive in memory.
type fakeArchive struct {
	metadatav1.UnimplementedArchiveServiceServer
	mu      sync.Mutex
	records map[string]*metadatav1.Record // guarded by mu
}

var recordFields = list.Fields[*metadatav1.Record]{
	ID: (*metadatav1.Record).GetUid,
	Key: map[string]list.Field[*metadatav1.Record]{
		"uid":           {Text: (*metadatav1.Record).GetUid},
		"namespace":     {Text: (*metadatav1.Record).GetNamespace},
		"display_name":  {Text: (*metadatav1.Record).GetDisplayName},
		"state":         {Text: (*metadatav1.Record).GetState},
		"storage_state": {Text: (*metadatav1.Record).GetStorageState},
		"parent":        {Text: (*metadatav1.Record).GetParent},
		"origin":        {Text: (*metadatav1.Record).GetOrigin},
		"created_at":    {Time: (*metadatav1.Record).GetCreatedAt},
		"finished_at":   {Time: (*metadatav1.Record).GetFinishedAt},
	},
}

func (a *fakeArchive) put(record *metadatav1.Record) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.records[record.GetUid()] = record
}

func (a *fakeArchive) PutRecord(_ context.Context, r *metadatav1.PutRecordRequest) (*emptypb.Empty, error) {
	a.put(r.GetRecord())
	return &emptypb.Empty{}, nil
}

func (a *fakeArchive) GetRecord(_ context.Context, r *metadatav1.GetRecordRequest) (*metadatav1.Record, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	record, ok := a.records[r.GetUid()]
	if !ok {
		return nil, fault.NotFoundf("no such record")
	}
	return record, nil
}

func (a *fakeArchive) DeleteRecord(_ context.Context, r *metadatav1.DeleteRecordRequest) (*emptypb.Empty, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.records, r.GetUid())
	return &emptypb.Empty{}, nil
}

func (a *fakeArchive) ListRecords(_ context.Context, r *metadatav1.ListRecordsRequest) (*metadatav1.ListRecordsResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	q := list.Query{
		Filter: r.GetFilter(), Key: cmp.Or(r.GetOrderBy(), "created_at"),
		Descending: r.GetDescending(), Size: int(r.GetPageSize()),
	}
	if after := r.GetAfter(); after != nil {
		q.After = &list.Position{Value: after.GetValue(), ID: after.GetUid()}
	}
	var all []*metadatav1.Record
	for _, record := range a.records {
		all = append(all, proto.CloneOf(record))
	}
	page, err := list.Select(q, recordFields, all)
	if err != nil {
		return nil, err
	}
	for _, record := range page.Items {
		record.Detail = nil
	}
	return &metadatav1.ListRecordsResponse{Records: page.Items, TotalSize: int64(page.Total), More: page.Next != ""}, nil
}

// fakeLogs is the logs of ended workloads, by name.
type fakeLogs struct {
	gpuagentv1.UnimplementedWorkloadServiceServer
	mu      sync.Mutex
	written map[string]string // guarded by mu
}

func (l *fakeLogs) Logs(r *gpuagentv1.LogsRequest, stream grpc.ServerStreamingServer[gpuagentv1.LogChunk]) error {
	l.mu.Lock()
	text, ok := l.written[r.GetName()]
	l.mu.Unlock()
	if !ok {
		return fault.NotFoundf("no such workload")
	}
	return stream.Send(&gpuagentv1.LogChunk{Data: []byte(text)})
}

// filter is a filter parameter with one predicate.
func filter(key string, op metav1.Predicate_Operation, text string) string {
	return `{"predicates":[{"operation":"` + op.String() + `","key":"` + key + `","string_value":"` + text + `"}]}`
}

func ids[T any](items []T, id func(T) string) string {
	var all []string
	for _, item := range items {
		all = append(all, id(item))
	}
	return strings.Join(all, " ")
}

func sorted(text string) string {
	words := strings.Fields(text)
	slices.Sort(words)
	return strings.Join(words, " ")
}
