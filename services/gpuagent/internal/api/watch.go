package api

import (
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// WatchWorkloads implements WorkloadService.
func (s *workloads) WatchWorkloads(r *gpuagentv1.WatchWorkloadsRequest, stream grpc.ServerStreamingServer[gpuagentv1.WorkloadEvent]) error {
	if err := s.engine.Adopted(stream.Context()); err != nil {
		return err // before, what is stored is not all known, and SYNCED would be a lie
	}
	watch := s.engine.Board().Watch(selects(r.GetNamespace(), r.GetName(), r.GetLabelSelector()))
	defer s.engine.Board().Unwatch(watch)
	for {
		events, err := watch.Next(stream.Context())
		if err != nil {
			return err
		}
		for _, e := range events {
			if err := stream.Send(e); err != nil {
				return err
			}
		}
	}
}
