package gateway

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// fixture is a gateway on free ports, before services that are fakes.
type fixture struct {
	http      string // http://host:port
	grpc      *grpc.ClientConn
	gateway   *Gateway
	dir       string // of the bucket
	health    *health.Server
	pipelines *fakePipelines
	artifacts *fakeArtifacts
	stop      func() error // ends the gateway and returns what Run did
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{
		dir: t.TempDir(), health: health.NewServer(),
		pipelines: &fakePipelines{}, artifacts: &fakeArtifacts{uris: map[int64]string{}},
	}
	log := slog.New(slog.DiscardHandler)
	server := rpc.NewServer(log)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	pipelinev1.RegisterPipelineServiceServer(server, f.pipelines)
	pipelinev1.RegisterRunServiceServer(server, fakeRuns{})
	metadatav1.RegisterMetadataServiceServer(server, f.artifacts)
	healthv1.RegisterHealthServer(server, f.health)
	bucket, err := blob.Open(t.Context(), f.dir)
	if err != nil {
		t.Fatal(err)
	}
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") })
	f.gateway, err = New(Config{HTTPAddr: "127.0.0.1:0", GRPCAddr: "127.0.0.1:0"},
		app.Deps{Mesh: mesh, Blob: bucket, Log: log, Metrics: metrics, Version: "v1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, ran := make(chan error, 1), make(chan error, 1)
	go func() { served <- mesh.Serve() }()
	go func() { ran <- f.gateway.Run(ctx) }()
	f.stop = sync.OnceValue(func() error {
		cancel()
		return <-ran
	})
	select {
	case <-f.gateway.Listening():
	case err := <-ran:
		t.Fatalf("the gateway did not start: %v", err)
	}
	web, calls := f.gateway.Addresses()
	f.http = "http://" + web
	if f.grpc, err = grpc.NewClient(calls, grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = f.grpc.Close()
		if err := f.stop(); err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("the services ended with %v", err)
		}
		_ = bucket.Close()
	})
	return f
}

// answer is a response, read.
type answer struct {
	code   int
	body   string
	header http.Header
}

func (f *fixture) do(t *testing.T, method, path, contentType string, body io.Reader) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, f.http+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{code: response.StatusCode, body: string(content), header: response.Header}
}

func (f *fixture) get(t *testing.T, path string) answer {
	t.Helper()
	return f.do(t, http.MethodGet, path, "", nil)
}

// fakePipelines answers with what it was asked.
type fakePipelines struct {
	pipelinev1.UnimplementedPipelineServiceServer
	mu       sync.Mutex
	uploaded proto.Message // guarded by mu; the last upload
}

func (f *fakePipelines) UploadPipeline(_ context.Context, r *pipelinev1.UploadPipelineRequest) (*pipelinev1.Pipeline, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploaded = r
	if r.GetName() == "taken" {
		return nil, fault.AlreadyExistsf("a pipeline named %q exists", r.GetName())
	}
	return &pipelinev1.Pipeline{PipelineId: "p1", Name: r.GetName(), Tags: r.GetTags()}, nil
}

func (f *fakePipelines) UploadPipelineVersion(_ context.Context, r *pipelinev1.UploadPipelineVersionRequest) (*pipelinev1.PipelineVersion, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploaded = r
	return &pipelinev1.PipelineVersion{PipelineId: r.GetPipelineId(), PipelineVersionId: "v1"}, nil
}

func (f *fakePipelines) CreatePipeline(_ context.Context, r *pipelinev1.CreatePipelineRequest) (*pipelinev1.Pipeline, error) {
	return r.GetPipeline(), nil
}

func (f *fakePipelines) GetPipeline(ctx context.Context, r *pipelinev1.GetPipelineRequest) (*pipelinev1.Pipeline, error) {
	switch r.GetPipelineId() {
	case "gone":
		return nil, fault.NotFoundf("there is no pipeline %q", r.GetPipelineId())
	case "wrong":
		return nil, fault.Invalidf("root.dag", "is missing")
	case "busy":
		return nil, fault.Preconditionf("it has versions").WithReason("PIPELINE_HAS_VERSIONS")
	}
	md, _ := metadata.FromIncomingContext(ctx)
	if err := grpc.SetTrailer(ctx, metadata.Pairs("seen", "yes")); err != nil {
		return nil, err
	}
	tags := map[string]string{}
	for _, word := range md.Get("word") {
		tags["word"] = word
	}
	return &pipelinev1.Pipeline{PipelineId: r.GetPipelineId(), Tags: tags}, nil
}

// fakeRuns streams.
type fakeRuns struct {
	pipelinev1.UnimplementedRunServiceServer
}

func (fakeRuns) CreateRun(_ context.Context, r *pipelinev1.CreateRunRequest) (*pipelinev1.Run, error) {
	run := r.GetRun()
	run.FinishedAt = &timestamppb.Timestamp{}
	run.State = pipelinev1.RuntimeState_PENDING
	return run, nil
}

// GetRun returns a run in the state that its id names, made now if it is called "quick".
func (fakeRuns) GetRun(_ context.Context, r *pipelinev1.GetRunRequest) (*pipelinev1.Run, error) {
	state := pipelinev1.RuntimeState(pipelinev1.RuntimeState_value[r.GetRunId()])
	run := &pipelinev1.Run{RunId: r.GetRunId(), State: state, StateHistory: []*pipelinev1.RuntimeStatus{{State: state}}}
	if r.GetRunId() == "quick" {
		run.CreatedAt = timestamppb.Now()
	}
	return run, nil
}

// TerminateRun refuses what its id says.
func (fakeRuns) TerminateRun(_ context.Context, r *pipelinev1.TerminateRunRequest) (*emptypb.Empty, error) {
	if r.GetRunId() == "gone" {
		return nil, fault.NotFoundf("there is no run %q", r.GetRunId())
	}
	return nil, fault.Preconditionf("run %q has finished", r.GetRunId()).WithReason("RUN_FINISHED")
}

// ListRuns returns a canceled run.
func (fakeRuns) ListRuns(context.Context, *pipelinev1.ListRunsRequest) (*pipelinev1.ListRunsResponse, error) {
	return &pipelinev1.ListRunsResponse{Runs: []*pipelinev1.Run{{State: pipelinev1.RuntimeState_CANCELED}}}, nil
}

// WatchRun sends two states, and then nothing until it is given up when the run
// is called "endless".
func (fakeRuns) WatchRun(r *pipelinev1.WatchRunRequest, stream grpc.ServerStreamingServer[pipelinev1.Run]) error {
	for _, state := range []pipelinev1.RuntimeState{pipelinev1.RuntimeState_RUNNING, pipelinev1.RuntimeState_SUCCEEDED} {
		if err := stream.Send(&pipelinev1.Run{RunId: r.GetRunId(), State: state}); err != nil {
			return err
		}
	}
	if r.GetRunId() == "endless" {
		<-stream.Context().Done()
		return stream.Context().Err()
	}
	return nil
}

// fakeArtifacts knows where artifacts are.
type fakeArtifacts struct {
	metadatav1.UnimplementedMetadataServiceServer
	mu   sync.Mutex
	uris map[int64]string // guarded by mu
}

func (f *fakeArtifacts) GetArtifact(_ context.Context, r *metadatav1.GetArtifactRequest) (*metadatav1.Artifact, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	uri, ok := f.uris[r.GetArtifactId()]
	if !ok {
		return nil, fault.NotFoundf("there is no artifact %d", r.GetArtifactId())
	}
	return &metadatav1.Artifact{ArtifactId: r.GetArtifactId(), Uri: uri}, nil
}
