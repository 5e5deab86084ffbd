package follow

import (
	"context"

	"google.golang.org/grpc"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// slot holds the newest run of a watch, so that a reader slower than the run
// skips what is past instead of falling behind. One goroutine fills, one takes.
type slot struct {
	newest chan *pipelinev1.Run
	failed chan error // holds the end of the watch
}

func newSlot() *slot {
	return &slot{newest: make(chan *pipelinev1.Run, 1), failed: make(chan error, 1)}
}

// fill receives until the watch ends.
func (s *slot) fill(watch grpc.ServerStreamingClient[pipelinev1.Run]) {
	for {
		run, err := watch.Recv()
		if err != nil {
			s.failed <- err
			return
		}
		select {
		case <-s.newest:
		default:
		}
		s.newest <- run
	}
}

// take waits for a run newer than the last. What was received before the watch
// ended is given before its end is.
func (s *slot) take(ctx context.Context) (*pipelinev1.Run, error) {
	select {
	case run := <-s.newest:
		return run, nil
	default:
	}
	select {
	case run := <-s.newest:
		return run, nil
	case err := <-s.failed:
		select {
		case run := <-s.newest:
			s.failed <- err
			return run, nil
		default:
			return nil, err
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
