// Package client is the command line's way to a running kfmesh: the generated
// clients over one gRPC address, and what lists have in common.
//
// Errors come back as *fault.Error with the server's message and violations,
// because the connections carry the interceptors of internal/rpc.
package client

import (
	"context"
	"net"
	"strings"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// probeTimeout bounds the look whether anything listens at the address.
const probeTimeout = 3 * time.Second

// Client is every service that the command line talks to.
type Client struct {
	Pipelines        pipelinev1.PipelineServiceClient
	Experiments      pipelinev1.ExperimentServiceClient
	Runs             pipelinev1.RunServiceClient
	Recurring        pipelinev1.RecurringRunServiceClient
	Cache            pipelinev1.CacheServiceClient
	Housekeeping     pipelinev1.HousekeepingServiceClient
	Jobs             trainingv1.TrainingServiceClient
	JobHousekeeping  trainingv1.HousekeepingServiceClient
	Runtimes         trainingv1.TrainingRuntimeServiceClient
	Metadata         metadatav1.MetadataServiceClient
	Tracking         metadatav1.TrackingServiceClient
	Models           metadatav1.ModelRegistryServiceClient
	Workloads        gpuagentv1.WorkloadServiceClient
	Nodes            gpuagentv1.NodeServiceClient
	NodeHousekeeping gpuagentv1.HousekeepingServiceClient
	Secrets          gpuagentv1.SecretServiceClient
	ConfigMaps       gpuagentv1.ConfigMapServiceClient
	Volumes          gpuagentv1.VolumeServiceClient
	Queues           gpuagentv1.QueueServiceClient
	PriorityClasses  gpuagentv1.PriorityClassServiceClient
	Tokens           meshv1.TokenServiceClient
}

// New returns the clients over a mesh.
func New(mesh rpc.Mesh) *Client {
	return &Client{
		Pipelines:        pipelinev1.NewPipelineServiceClient(mesh.Conn("pipeline")),
		Experiments:      pipelinev1.NewExperimentServiceClient(mesh.Conn("pipeline")),
		Runs:             pipelinev1.NewRunServiceClient(mesh.Conn("pipeline")),
		Recurring:        pipelinev1.NewRecurringRunServiceClient(mesh.Conn("pipeline")),
		Cache:            pipelinev1.NewCacheServiceClient(mesh.Conn("pipeline")),
		Housekeeping:     pipelinev1.NewHousekeepingServiceClient(mesh.Conn("pipeline")),
		NodeHousekeeping: gpuagentv1.NewHousekeepingServiceClient(mesh.Conn("gpuagent")),
		JobHousekeeping:  trainingv1.NewHousekeepingServiceClient(mesh.Conn("training")),
		Jobs:             trainingv1.NewTrainingServiceClient(mesh.Conn("training")),
		Runtimes:         trainingv1.NewTrainingRuntimeServiceClient(mesh.Conn("training")),
		Metadata:         metadatav1.NewMetadataServiceClient(mesh.Conn("metadata")),
		Tracking:         metadatav1.NewTrackingServiceClient(mesh.Conn("metadata")),
		Models:           metadatav1.NewModelRegistryServiceClient(mesh.Conn("metadata")),
		Workloads:        gpuagentv1.NewWorkloadServiceClient(mesh.Conn("gpuagent")),
		Nodes:            gpuagentv1.NewNodeServiceClient(mesh.Conn("gpuagent")),
		Secrets:          gpuagentv1.NewSecretServiceClient(mesh.Conn("gpuagent")),
		ConfigMaps:       gpuagentv1.NewConfigMapServiceClient(mesh.Conn("gpuagent")),
		Volumes:          gpuagentv1.NewVolumeServiceClient(mesh.Conn("gpuagent")),
		Queues:           gpuagentv1.NewQueueServiceClient(mesh.Conn("gpuagent")),
		PriorityClasses:  gpuagentv1.NewPriorityClassServiceClient(mesh.Conn("gpuagent")),
		Tokens:           meshv1.NewTokenServiceClient(mesh.Conn("gpuagent")),
	}
}

// Probe reports whether something listens at the address: an Invalid fault
// when it is not an address, an Unavailable one that says what to do when
// nothing answers there.
func Probe(ctx context.Context, server string) error {
	if _, _, err := net.SplitHostPort(server); err != nil || strings.Contains(server, "/") {
		return fault.Invalidf("--server", "%q is not an address: give the gRPC host:port, such as 127.0.0.1:9090", server)
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", server)
	if err != nil {
		return fault.Unavailablef("no kfmesh at %s: start one with `kfmesh up` or set --server", server).WithCause(err)
	}
	return conn.Close()
}
