package api

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// Collector removes garbage and reports each thing.
type Collector interface {
	Collect(ctx context.Context, dryRun bool, report func(*metav1.Garbage) error) error
}

// RegisterHousekeeping adds HousekeepingService to a server.
func RegisterHousekeeping(server grpc.ServiceRegistrar, collector Collector) {
	pipelinev1.RegisterHousekeepingServiceServer(server, &housekeeping{collector: collector})
}

// housekeeping implements HousekeepingService.
type housekeeping struct {
	pipelinev1.UnimplementedHousekeepingServiceServer
	collector Collector
}

// CollectGarbage implements HousekeepingService.
func (s *housekeeping) CollectGarbage(
	r *pipelinev1.CollectGarbageRequest, stream grpc.ServerStreamingServer[pipelinev1.CollectGarbageResponse],
) error {
	return s.collector.Collect(stream.Context(), r.GetDryRun(), func(g *metav1.Garbage) error {
		return stream.Send(&pipelinev1.CollectGarbageResponse{Garbage: g})
	})
}
