package api

import (
	"context"
	"errors"
	"io"
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
	if r.GetFollow() {
		if err := s.engine.AwaitPlaced(ctx, r.GetNamespace(), r.GetName()); err != nil {
			return err
		}
	}
	logs, err := s.engine.Logs(ctx, r.GetNamespace(), r.GetName())
	if err != nil {
		return err
	}
	defer logs.Close()
	files, err := logs.Select(r.GetGroup(), r.GetIndex())
	if err != nil {
		return err
	}
	reader := &logReader{engine: s.engine, request: r, out: &sender{stream: stream}}
	if r.GetFollow() && logs.Live() {
		return reader.followAll(ctx, logs, files)
	}
	for _, f := range files {
		if err := reader.copy(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// logReader reads the logs that a request is for.
type logReader struct {
	engine  *engine.Engine
	request *gpuagentv1.LogsRequest
	out     *sender
}

// copy sends what was written so far.
func (r *logReader) copy(ctx context.Context, f engine.Log) error {
	if f.Node != "" {
		return r.relay(ctx, f, false)
	}
	return logfile.Copy(f.Path, r.request.GetTailLines(), r.out.from(f))
}

// followAll follows all files until the workload has ended and everything was sent.
func (r *logReader) followAll(ctx context.Context, logs *engine.Logs, files []engine.Log) error {
	ended := make(chan struct{})
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer close(ended)
		return logs.WaitEnded(ctx)
	})
	for _, f := range files {
		group.Go(func() error {
			if f.Node != "" {
				return r.relay(ctx, f, true)
			}
			return logfile.Follow(ctx, f.Path, r.request.GetTailLines(), ended, r.out.from(f))
		})
	}
	return group.Wait()
}

// relay sends what the agent of another node has.
func (r *logReader) relay(ctx context.Context, f engine.Log, follow bool) error {
	agent, err := r.engine.AgentOf(f.Node)
	if err != nil {
		return err
	}
	stream, err := agent.Logs(ctx, &gpuagentv1.LogsRequest{
		Namespace: r.request.GetNamespace(), Name: r.request.GetName(),
		Group: f.Group, Index: f.Index, Follow: follow, TailLines: r.request.GetTailLines(),
	})
	if err != nil {
		return err
	}
	send := r.out.from(f)
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := send(chunk.GetData()); err != nil {
			return err
		}
	}
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
