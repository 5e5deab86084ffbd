package api

import (
	"context"
	"errors"

	"golang.org/x/sync/errgroup"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxFollowed is how many attempts of one run are followed at a time; the others
// wait for one to end.
const maxFollowed = 256

// errTaskEnded ends the following of a run whose other tasks nobody asked for.
var errTaskEnded = errors.New("the task has ended")

// followLogs streams attempts as they come to be, side by side, until the run,
// or the one task that the request names, has ended.
func (s *runs) followLogs(ctx context.Context, l *logs, pass send) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	chunks := make(chan *pipelinev1.TaskLogChunk)
	ended := make(chan error, 1)
	go func() {
		ended <- s.gatherLogs(ctx, l, chunks)
		close(chunks)
	}()
	for chunk := range chunks {
		if err := pass(chunk); err != nil {
			cancel()
			for range chunks { // until every sender has seen that nobody listens
			}
			return err
		}
	}
	return <-ended
}

// gatherLogs sends what the attempts write to chunks, and returns once no sender
// is left.
func (s *runs) gatherLogs(ctx context.Context, l *logs, chunks chan<- *pipelinev1.TaskLogChunk) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxFollowed)
	push := func(chunk *pipelinev1.TaskLogChunk) error {
		select {
		case chunks <- chunk:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	begun := map[string]bool{} // workloads whose attempts are streamed, or were
	found := false
	err := s.follow(ctx, l.request.GetRunId(), func(run *pipelinev1.ArchivedRun) error {
		selected := l.selected(run.GetTasks())
		found = found || len(selected) > 0
		for _, task := range selected {
			for _, a := range attemptsOf(task) {
				if begun[a.workload] {
					continue
				}
				begun[a.workload] = true
				group.Go(func() error { return ignoreMissing(l.copy(ctx, a, true, push)) })
			}
			if l.isOne(task) && state.Terminal(task.GetDetail().GetState()) {
				return errTaskEnded
			}
		}
		return nil
	})
	if errors.Is(err, errTaskEnded) {
		err = nil
	}
	if err == nil && !found && l.request.GetTask() != "" {
		err = l.noTask()
	}
	return errors.Join(err, group.Wait())
}

// ignoreMissing drops the error of a workload that left no logs.
func ignoreMissing(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
