package gateway

import (
	"context"
	"net/http"
	"slices"

	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/services/gateway/internal/artifact"
	"github.com/kfmesh/kfmesh/services/gateway/internal/cluster"
	"github.com/kfmesh/kfmesh/services/gateway/internal/health"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kfp"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
	"github.com/kfmesh/kfmesh/services/gateway/internal/mlflow"
	"github.com/kfmesh/kfmesh/services/gateway/internal/modelregistry"
	"github.com/kfmesh/kfmesh/services/gateway/internal/openapi"
	"github.com/kfmesh/kfmesh/services/gateway/internal/openlineage"
	"github.com/kfmesh/kfmesh/services/gateway/internal/origin"
	"github.com/kfmesh/kfmesh/services/gateway/internal/page"
	"github.com/kfmesh/kfmesh/services/gateway/internal/pod"
	"github.com/kfmesh/kfmesh/services/gateway/internal/proxy"
	"github.com/kfmesh/kfmesh/services/gateway/internal/rest"
	"github.com/kfmesh/kfmesh/services/gateway/internal/route"
	"github.com/kfmesh/kfmesh/services/gateway/internal/trainingjob"
)

// newHandler is all that the HTTP port serves.
func newHandler(ctx context.Context, deps app.Deps, checker *health.Checker) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", health.Alive)
	mux.HandleFunc("GET /readyz", checker.Ready)
	if deps.Metrics != nil {
		mux.Handle("GET /metrics", deps.Metrics)
	}
	pipeline := deps.Mesh.Conn("pipeline")
	kfp.Register(mux, kfp.Deps{
		Pipelines: pipelinev1.NewPipelineServiceClient(pipeline),
		Runs:      pipelinev1.NewRunServiceClient(pipeline),
		Bucket:    deps.Blob,
		Version:   deps.Version,
	})
	artifact.Register(mux, metadatav1.NewMetadataServiceClient(deps.Mesh.Conn("metadata")), deps.Blob)
	modelregistry.Register(mux, modelregistry.Deps{
		Registry: metadatav1.NewModelRegistryServiceClient(deps.Mesh.Conn("metadata")),
		Tracking: metadatav1.NewTrackingServiceClient(deps.Mesh.Conn("metadata")),
	})
	kube.Register(mux, deps.Version, resources(deps)...)
	openlineage.Register(mux, metadatav1.NewMetadataServiceClient(deps.Mesh.Conn("metadata")))
	if err := openapi.Register(mux, deps.Version); err != nil {
		return nil, err
	}
	if err := page.Register(mux, deps.Version); err != nil {
		return nil, err
	}
	api, err := rest.New(ctx, deps.Mesh)
	if err != nil {
		return nil, err
	}
	mux.Handle("/", api)
	return origin.Protect(mlflow.Wrap(mux, mlflow.Deps{
		Tracking: metadatav1.NewTrackingServiceClient(deps.Mesh.Conn("metadata")),
		Registry: metadatav1.NewModelRegistryServiceClient(deps.Mesh.Conn("metadata")),
		Bucket:   deps.Blob,
		Log:      deps.Log,
	})), nil
}

// resources are those of Kubernetes' API.
func resources(deps app.Deps) []kube.Resource {
	jobs := trainingv1.NewTrainingServiceClient(deps.Mesh.Conn("training"))
	agent := deps.Mesh.Conn("gpuagent")
	return slices.Concat(
		cluster.Resources(cluster.Deps{
			ConfigMaps: gpuagentv1.NewConfigMapServiceClient(agent), Secrets: gpuagentv1.NewSecretServiceClient(agent),
			Volumes: gpuagentv1.NewVolumeServiceClient(agent), PriorityClasses: gpuagentv1.NewPriorityClassServiceClient(agent),
			Nodes: gpuagentv1.NewNodeServiceClient(agent), Queues: gpuagentv1.NewQueueServiceClient(agent), Jobs: jobs,
		}),
		trainingjob.Resources(jobs),
		trainingjob.Runtimes(trainingv1.NewTrainingRuntimeServiceClient(deps.Mesh.Conn("training")), jobs),
		pod.Resources(gpuagentv1.NewWorkloadServiceClient(agent), jobs),
	)
}

// newServer is all that the gRPC port serves.
func newServer(deps app.Deps, checker *health.Checker) *grpc.Server {
	server := rpc.NewServer(deps.Log, proxy.Options(deps.Mesh)...)
	healthv1.RegisterHealthServer(server, checker)
	options := reflection.ServerOptions{Services: route.Table{}}
	reflectionv1.RegisterServerReflectionServer(server, reflection.NewServerV1(options))
	reflectionv1alpha.RegisterServerReflectionServer(server, reflection.NewServer(options))
	return server
}
