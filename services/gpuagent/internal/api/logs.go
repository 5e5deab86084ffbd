package api

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/logfile"
)

// Logs implements WorkloadService.
func (s *workloads) Logs(r *gpuagentv1.LogsRequest, stream grpc.ServerStreamingServer[gpuagentv1.LogChunk]) error {
	ctx := stream.Context()
	logs, err := s.engine.Logs(ctx, r.GetNamespace(), r.GetName())
	if err != nil {
		return err
	}
	defer logs.Close()
	files, err := logs.Select(r.GetGroup(), r.GetIndex())
	if err != nil {
		return err
	}
	out := &sender{stream: stream}
	if r.GetFollow() && logs.Live() {
		return followAll(ctx, logs, files, r.GetTailLines(), out)
	}
	for _, f := range files {
		if err := logfile.Copy(f.Path, r.GetTailLines(), out.from(f)); err != nil {
			return err
		}
	}
	return nil
}

// followAll follows all files until the workload has ended and everything was sent.
func followAll(ctx context.Context, logs *engine.Logs, files []engine.Log, tail int64, out *sender) error {
	ended := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(ended)
		return logs.WaitEnded(ctx)
	})
	for _, f := range files {
		group.Go(func() error { return logfile.Follow(ctx, f.Path, tail, ended, out.from(f)) })
	}
	return group.Wait()
}

// sender sends chunks of several replicas on one stream.
type sender struct {
	mu     sync.Mutex
	stream grpc.ServerStreamingServer[gpuagentv1.LogChunk] // guarded by mu: one Send at a time
}

// from returns what sends the output of one replica.
func (s *sender) from(f engine.Log) func([]byte) error {
	return func(data []byte) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.stream.Send(&gpuagentv1.LogChunk{Group: f.Group, Index: f.Index, Data: data})
	}
}
