package api

import (
	"context"
	"time"

	"google.golang.org/grpc"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// watchPause is the least time between two answers about one run: changes in
// between are merged into one.
const watchPause = 50 * time.Millisecond

// WatchRun implements RunService.
func (s *runs) WatchRun(r *pipelinev1.WatchRunRequest, stream grpc.ServerStreamingServer[pipelinev1.Run]) error {
	return s.follow(stream.Context(), r.GetRunId(), func(run *pipelinev1.ArchivedRun) error {
		shown, err := s.detailed(stream.Context(), run)
		if err != nil {
			return err
		}
		return stream.Send(shown)
	})
}

// follow calls visit with a run as it is and again after changes, until it has
// finished; the last visit is of the finished run.
func (d Deps) follow(ctx context.Context, id string, visit func(*pipelinev1.ArchivedRun) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for {
		changes, err := d.watchRun(ctx, id)
		if err != nil {
			return err
		}
		for open := true; open; {
			run, err := d.find(ctx, id)
			if err != nil {
				return err
			}
			if err := visit(run); err != nil || state.Terminal(run.GetState().GetRun().GetState()) {
				return err
			}
			if open, err = changes.next(ctx); err != nil {
				return err
			}
		}
	}
}

// runChanges are the changes of a run and of its tasks.
type runChanges struct{ run, tasks <-chan []store.Change }

// watchRun watches from now on; what it misses of before, the caller reads next.
func (d Deps) watchRun(ctx context.Context, id string) (runChanges, error) {
	_, revision, err := d.State.Runs.List(ctx, id)
	if err != nil {
		return runChanges{}, err
	}
	run, err := d.State.Backend.Watch(ctx, d.State.Runs.Prefix()+id, revision)
	if err != nil {
		return runChanges{}, err
	}
	tasks, err := d.State.Backend.Watch(ctx, d.State.Tasks.Prefix()+state.TaskKey(id, ""), revision)
	return runChanges{run: run, tasks: tasks}, err
}

// next waits for a change and merges those that follow it closely. It returns
// false when a watch has ended and must be begun anew.
func (c runChanges) next(ctx context.Context) (open bool, err error) {
	var pause <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-pause:
			return true, nil
		case _, open = <-c.run:
		case _, open = <-c.tasks:
		}
		if !open {
			return false, ctx.Err()
		}
		if pause == nil {
			pause = time.After(watchPause)
		}
	}
}
