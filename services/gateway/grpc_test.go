package gateway

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

func TestProxyUnary(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	client := pipelinev1.NewPipelineServiceClient(f.grpc)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "word", "through")
	var trailer metadata.MD
	got, err := client.GetPipeline(ctx, &pipelinev1.GetPipelineRequest{PipelineId: "p1"}, grpc.Trailer(&trailer))
	if err != nil || got.GetPipelineId() != "p1" || got.GetTags()["word"] != "through" {
		t.Errorf("got %v, %v", got, err)
	}
	if !slices.Equal(trailer.Get("seen"), []string{"yes"}) {
		t.Errorf("the trailer is %v", trailer)
	}
}

func TestProxyKeepsFaults(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := pipelinev1.NewPipelineServiceClient(f.grpc).GetPipeline(t.Context(), &pipelinev1.GetPipelineRequest{PipelineId: "wrong"})
	e, ok := errors.AsType[*fault.Error](rpc.Fault(err))
	if !ok || e.Kind != fault.Invalid || len(e.Violations) != 1 || e.Violations[0].Field != "root.dag" {
		t.Errorf("got %v", err)
	}
}

func TestProxyStream(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stream, err := pipelinev1.NewRunServiceClient(f.grpc).WatchRun(t.Context(), &pipelinev1.WatchRunRequest{RunId: "r1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []pipelinev1.RuntimeState{pipelinev1.RuntimeState_RUNNING, pipelinev1.RuntimeState_SUCCEEDED} {
		if run, err := stream.Recv(); err != nil || run.GetState() != want {
			t.Errorf("got %v, %v; want %s", run, err, want)
		}
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ends with %v", err)
	}
}

func TestProxyUnknownMethods(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for method, want := range map[string]codes.Code{
		"/other.Service/Call":                   codes.NotFound,
		"/kfmesh.pipeline.v1.RunService/Nought": codes.Unimplemented,
	} {
		err := f.grpc.Invoke(t.Context(), method, &emptypb.Empty{}, &emptypb.Empty{})
		if status.Code(err) != want {
			t.Errorf("%s: got %v, want %s", method, err, want)
		}
	}
}

func TestReflection(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stream, err := reflectionv1.NewServerReflectionClient(f.grpc).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(r *reflectionv1.ServerReflectionRequest) *reflectionv1.ServerReflectionResponse {
		t.Helper()
		if err := stream.Send(r); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	var names []string
	for _, service := range ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	}).GetListServicesResponse().GetService() {
		names = append(names, service.GetName())
	}
	for _, want := range []string{"kfmesh.pipeline.v1.RunService", "kfmesh.metadata.v1.MetadataService", "kfmesh.gpuagent.v1.WorkloadService"} {
		if !slices.Contains(names, want) {
			t.Errorf("%s is not in %v", want, names)
		}
	}
	described := ask(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "kfmesh.pipeline.v1.RunService"},
	})
	if len(described.GetFileDescriptorResponse().GetFileDescriptorProto()) == 0 {
		t.Errorf("the service is not described: %v", described)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	client := healthv1.NewHealthClient(f.grpc)
	watch, err := client.Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if first, err := watch.Recv(); err != nil || first.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("first %v, %v", first, err)
	}
	f.health.SetServingStatus("metadata", healthv1.HealthCheckResponse_NOT_SERVING)
	for service, want := range map[string]healthv1.HealthCheckResponse_ServingStatus{
		"":                              healthv1.HealthCheckResponse_NOT_SERVING,
		"metadata":                      healthv1.HealthCheckResponse_NOT_SERVING,
		"kfmesh.pipeline.v1.RunService": healthv1.HealthCheckResponse_SERVING,
	} {
		if got, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: service}); err != nil || got.GetStatus() != want {
			t.Errorf("health of %q: %v, %v; want %s", service, got, err, want)
		}
	}
	if _, err := client.Check(t.Context(), &healthv1.HealthCheckRequest{Service: "x"}); status.Code(err) != codes.NotFound {
		t.Errorf("health of nothing: %v", err)
	}
	if second, err := watch.Recv(); err != nil || second.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("then %v, %v", second, err)
	}
}

func TestStopCutsStreams(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	stream, err := pipelinev1.NewRunServiceClient(f.grpc).WatchRun(t.Context(), &pipelinev1.WatchRunRequest{RunId: "endless"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := f.stop(); err != nil {
		t.Errorf("the gateway ended with %v", err)
	}
	if took := time.Since(begun); took > stopGrace+5*time.Second {
		t.Errorf("it took %s to stop", took)
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	web, calls := f.gateway.Addresses()
	for setting, cfg := range map[string]Config{
		"--http-addr": {HTTPAddr: web, GRPCAddr: "127.0.0.1:0"},
		"--grpc-addr": {HTTPAddr: "127.0.0.1:0", GRPCAddr: calls},
	} {
		second, err := New(cfg, app.Deps{Mesh: f.gateway.deps.Mesh, Log: f.gateway.deps.Log})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		err = second.Run(ctx)
		cancel()
		if !fault.Is(err, fault.Unavailable) || !contains(err.Error(), "in use", setting) {
			t.Errorf("got %v, want that the address of %s is in use", err, setting)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	if err := DefaultConfig().Validate(); err != nil {
		t.Errorf("the default is refused: %v", err)
	}
	for setting, cfg := range map[string]Config{
		"http-addr": {HTTPAddr: "8080", GRPCAddr: ":0"},
		"grpc-addr": {HTTPAddr: ":0"},
	} {
		if _, err := New(cfg, app.Deps{}); !fault.Is(err, fault.Invalid) || !contains(err.Error(), setting) {
			t.Errorf("got %v, want an invalid %s", err, setting)
		}
	}
}

func contains(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
}
