package api

import (
	"context"
	"time"

	"google.golang.org/grpc"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// A watch answers the first change at once and then rests: changes that come
// meanwhile are merged into one answer. It rests longer when answers are large,
// so that no watch takes up a processor. The end of a run is not kept waiting.
const (
	watchPause = 100 * time.Millisecond
	watchRest  = 4 // times as long as the last answer took
)

// WatchRun implements RunService.
func (s *runs) WatchRun(r *pipelinev1.WatchRunRequest, stream grpc.ServerStreamingServer[pipelinev1.Run]) error {
	var own *given
	return s.follow(stream.Context(), r.GetRunId(), func(run *pipelinev1.ArchivedRun) (err error) {
		if own == nil {
			if own, err = s.given(stream.Context(), run.GetState()); err != nil {
				return err
			}
		}
		return stream.Send(shown(run, own))
	})
}

// follow calls visit with a run as it is and again after changes, until it has
// finished; the last visit is of the finished run.
func (d Deps) follow(ctx context.Context, id string, visit func(*pipelinev1.ArchivedRun) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		w, err := d.watchRun(ctx, id)
		if err != nil {
			return err
		}
		for open := true; open && !w.over(); {
			visited := time.Now()
			if err := visit(w.snapshot()); err != nil {
				return err
			}
			if open, err = w.next(ctx, visited.Add(max(watchPause, watchRest*time.Since(visited)))); err != nil {
				return err
			}
		}
		if !w.over() {
			continue // a watch was lost
		}
		run, err := d.find(ctx, id)
		if err != nil {
			return err
		}
		if err := visit(run); err != nil || state.Terminal(run.GetState().GetRun().GetState()) {
			return err
		}
	}
}
