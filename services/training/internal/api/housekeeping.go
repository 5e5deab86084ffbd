package api

import (
	"context"

	"google.golang.org/grpc"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Collector removes jobs and reports each.
type Collector interface {
	Collect(ctx context.Context, dryRun bool, report func(*metav1.Garbage) error) error
}

// RegisterHousekeeping adds HousekeepingService to a server.
func RegisterHousekeeping(server grpc.ServiceRegistrar, collector Collector) {
	trainingv1.RegisterHousekeepingServiceServer(server, &housekeeping{collector: collector})
}

// housekeeping implements HousekeepingService.
type housekeeping struct {
	trainingv1.UnimplementedHousekeepingServiceServer
	collector Collector
}

// CollectGarbage implements HousekeepingService.
func (s *housekeeping) CollectGarbage(
	r *trainingv1.CollectGarbageRequest, stream grpc.ServerStreamingServer[trainingv1.CollectGarbageResponse],
) error {
	return s.collector.Collect(stream.Context(), r.GetDryRun(), func(g *metav1.Garbage) error {
		return stream.Send(&trainingv1.CollectGarbageResponse{Garbage: g})
	})
}
