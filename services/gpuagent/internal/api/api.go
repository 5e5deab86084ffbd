// Package api is the service's gRPC face: it checks requests, asks the engine,
// and streams what the board and the logs say.
package api

import (
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
)

// Register adds the services of the agent to a server.
func Register(server grpc.ServiceRegistrar, e *engine.Engine) {
	gpuagentv1.RegisterWorkloadServiceServer(server, &workloads{engine: e})
	gpuagentv1.RegisterNodeServiceServer(server, &nodes{engine: e})
	gpuagentv1.RegisterSecretServiceServer(server, &secrets{vault: e.Secrets})
	gpuagentv1.RegisterConfigMapServiceServer(server, &configMaps{shelf: e.ConfigMaps})
	gpuagentv1.RegisterVolumeServiceServer(server, &volumes{engine: e})
}

// RegisterJoined adds what the agent of a node that has joined serves to its head.
func RegisterJoined(server grpc.ServiceRegistrar, e *engine.Engine) {
	gpuagentv1.RegisterWorkloadServiceServer(server, &workloads{engine: e})
}

// workloads implements WorkloadService.
type workloads struct {
	gpuagentv1.UnimplementedWorkloadServiceServer
	engine *engine.Engine
}

// nodes implements NodeService.
type nodes struct {
	gpuagentv1.UnimplementedNodeServiceServer
	engine *engine.Engine
}
