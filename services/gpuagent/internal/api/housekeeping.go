package api

import (
	"context"

	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// Collector removes garbage and reports each thing.
type Collector interface {
	Collect(ctx context.Context, dryRun bool, report func(*metav1.Garbage) error) error
}

// RegisterHousekeeping adds HousekeepingService to a server.
func RegisterHousekeeping(server grpc.ServiceRegistrar, collector Collector) {
	gpuagentv1.RegisterHousekeepingServiceServer(server, &housekeeping{collector: collector})
}

// housekeeping implements HousekeepingService.
type housekeeping struct {
	gpuagentv1.UnimplementedHousekeepingServiceServer
	collector Collector
}

// CollectGarbage implements HousekeepingService.
func (s *housekeeping) CollectGarbage(
	r *gpuagentv1.CollectGarbageRequest, stream grpc.ServerStreamingServer[gpuagentv1.CollectGarbageResponse],
) error {
	return s.collector.Collect(stream.Context(), r.GetDryRun(), func(g *metav1.Garbage) error {
		return stream.Send(&gpuagentv1.CollectGarbageResponse{Garbage: g})
	})
}
