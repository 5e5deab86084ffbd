// Package follow watches a run until it has ended and shows how it fares: as a
// tree redrawn in place on a live terminal, as a line for each change elsewhere.
//
// A Follower owns the goroutines of one watch and ends them before Follow
// returns. Views are called from one goroutine only.
package follow

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/tree"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Snapshot is a run with its tasks at one moment.
type Snapshot struct {
	Run   *pipelinev1.Run
	Tasks []*pipelinev1.Task
}

// View shows a run.
type View interface {
	// Show shows the run as it is now.
	Show(Snapshot)
	// Tick lets time pass where nothing has changed.
	Tick()
	// Lost says that the server cannot be reached just now.
	Lost(err error)
	// Close leaves the terminal as it should be for what comes next.
	Close()
}

// Follower watches runs.
type Follower struct {
	Client *client.Client
	// Frame is the shortest time between two looks at the tasks, and between
	// two ticks of the view.
	Frame time.Duration
	// Pause is the time between two tries to reach a server that went away.
	Pause time.Duration
	// Patience is how long to try.
	Patience time.Duration
}

// New returns a follower with times that suit people.
func New(c *client.Client) *Follower {
	return &Follower{Client: c, Frame: 80 * time.Millisecond, Pause: 300 * time.Millisecond, Patience: time.Minute}
}

// Follow shows the run until it has ended and returns it as it ended. It rides
// out restarts of the server for as long as its patience lasts.
func (f *Follower) Follow(ctx context.Context, runID string, view View) (Snapshot, error) {
	defer view.Close()
	ctx, cancel := context.WithCancel(ctx)
	events := make(chan event)
	var watching sync.WaitGroup
	watching.Go(func() { f.watch(ctx, runID, events) })
	defer watching.Wait()
	defer cancel()

	ticker := time.NewTicker(f.Frame)
	defer ticker.Stop()
	var last Snapshot
	for {
		select {
		case <-ctx.Done():
			return last, ctx.Err()
		case <-ticker.C:
			view.Tick()
		case e := <-events:
			switch {
			case e.lost:
				view.Lost(e.err)
			case e.err != nil:
				return last, e.err
			default:
				last = e.snapshot
				view.Show(last)
				if tree.Ended(last.Run.GetState()) {
					return last, nil
				}
			}
		}
	}
}

// event is a snapshot, or the loss of the server, or the failure of the watch.
type event struct {
	snapshot Snapshot
	err      error
	lost     bool
}

// watch sends what happens until the run has ended, ctx ends, or the server
// stays away for too long.
func (f *Follower) watch(ctx context.Context, runID string, events chan<- event) {
	send := func(e event) bool {
		select {
		case events <- e:
			return true
		case <-ctx.Done():
			return false
		}
	}
	reached := time.Now()
	for {
		ended, err := f.stream(ctx, runID, func(s Snapshot) bool {
			reached = time.Now()
			return send(event{snapshot: s})
		})
		if ended || ctx.Err() != nil {
			return
		}
		if !passing(err) || time.Since(reached) > f.Patience {
			send(event{err: err})
			return
		}
		if !send(event{err: err, lost: true}) || !sleep(ctx, f.Pause) {
			return
		}
	}
}

// passing reports whether a broken watch may work again: the server went away,
// or ended the stream although the run goes on.
func passing(err error) bool {
	return errors.Is(err, io.EOF) || fault.Is(err, fault.Unavailable)
}

// stream watches over one connection. It reports whether the run has ended.
func (f *Follower) stream(ctx context.Context, runID string, show func(Snapshot) bool) (ended bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	watch, err := f.Client.Runs.WatchRun(ctx, &pipelinev1.WatchRunRequest{RunId: runID})
	if err != nil {
		cancel()
		return false, err
	}
	newest := newSlot()
	var receiving sync.WaitGroup
	receiving.Go(func() { newest.fill(watch) })
	defer receiving.Wait()
	defer cancel()
	for {
		run, err := newest.take(ctx)
		if err != nil {
			return false, err
		}
		tasks, err := f.Client.Runs.ListTasks(ctx, &pipelinev1.ListTasksRequest{RunId: runID})
		if err != nil {
			return false, err
		}
		if !show(Snapshot{Run: run, Tasks: tasks.GetTasks()}) {
			return false, ctx.Err()
		}
		if tree.Ended(run.GetState()) {
			return true, nil
		}
		if !sleep(ctx, f.Frame) {
			return false, ctx.Err()
		}
	}
}

// sleep waits and reports whether ctx let it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
