package container

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/kfmesh/kfmesh/internal/tether"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// Times of an attempt.
const (
	// settle is how long an engine must say that a container was not started, after
	// its start was asked for, before it is asked for again.
	settle = time.Second
	// settlePoll is how often it is asked meanwhile.
	settlePoll = 50 * time.Millisecond
	// retryEvery is how often an engine that does not answer is tried.
	retryEvery = 500 * time.Millisecond
)

// attempt is one container.
type attempt struct {
	runtime *Runtime
	journal string
	fresh   bool  // it was begun by this agent: nobody's request to start it is on its way
	refused error // why the engine did not start it
	pid     atomic.Int64
	follows *atomic.Int64 // another attempt's pid, when this is a part of it; may be nil

	ready atomic.Bool // as its readiness probe says

	stopOnce sync.Once
	stopping chan struct{} // closed when a pod is to end

	starting sync.Mutex // held while it is decided between start and stop
}

func newAttempt(r *Runtime, journal string) *attempt {
	return &attempt{runtime: r, journal: journal, stopping: make(chan struct{})}
}

// PID implements runtime.Attempt.
func (a *attempt) PID() int { return int(a.pid.Load()) }

// Ready implements runtime.Readier.
func (a *attempt) Ready() bool { return a.ready.Load() }

func (a *attempt) load() (record, *engine, error) {
	rec, err := readJournal(a.journal)
	if err != nil {
		return rec, nil, err
	}
	if rec.Claim == nil {
		return rec, nil, fmt.Errorf("journal %s does not name a container", a.journal)
	}
	e, err := a.runtime.engines.at(rec.Claim.Host)
	return rec, e, err
}

// Stop notes that the attempt is to end, so that it is told apart from an end of
// its own, and has the engine end it.
func (a *attempt) Stop(ctx context.Context) error {
	rec, e, err := a.load()
	if err != nil {
		return err
	}
	if rec.Stopped == nil {
		if err := a.noteStop(); err != nil {
			return err
		}
	}
	if rec.Claim.Pod != nil { // whoever waits for its end brings it about
		a.stopOnce.Do(func() { close(a.stopping) })
		return nil
	}
	return e.stop(ctx, rec.Claim.Name, rec.Claim.Grace)
}

// stop has the engine end a container, if it runs: SIGTERM, and SIGKILL when grace is over.
func (e *engine) stop(ctx context.Context, name string, grace time.Duration) error {
	seconds := int(math.Ceil(grace.Seconds())) // engines count in seconds
	for {
		_, err := e.ContainerStop(ctx, name, client.ContainerStopOptions{Timeout: &seconds})
		if err == nil || cerrdefs.IsNotFound(err) || cerrdefs.IsNotModified(err) {
			return nil
		}
		if refusal(err) {
			return err
		}
		if !pause(ctx, retryEvery) {
			return ctx.Err()
		}
	}
}

func (a *attempt) noteStop() error {
	a.starting.Lock()
	defer a.starting.Unlock()
	now := time.Now()
	return note(a.journal, record{Stopped: &now})
}

// Wait implements runtime.Attempt. By its end the log is complete.
func (a *attempt) Wait(ctx context.Context) (runtime.Exit, error) {
	rec, e, err := a.load()
	if err != nil {
		return lost("how it ended cannot be read: %v", err), nil
	}
	if rec.Claim.Pod != nil {
		return a.waitPod(ctx, e, rec)
	}
	log := &logCopy{engine: e, name: rec.Claim.Name, log: rec.Claim.Log, offset: rec.Claim.LogOffset, logger: a.runtime.Log}
	defer log.end()
	found, err := a.awaitEnd(ctx, e, rec.Claim.Name, log)
	switch {
	case ctx.Err() != nil:
		return runtime.Exit{}, ctx.Err()
	case cerrdefs.IsNotFound(err):
		return lost("its container %s is gone, removed by somebody else, so how it ended is not known", rec.Claim.Name), nil
	case err != nil:
		return notStarted(err), nil
	}
	log.finish(ctx)
	if rec, _, err = a.load(); err != nil { // anew: it may have been told to stop
		return lost("how it ended cannot be read: %v", err), nil
	}
	return cut(exitOf(*found, rec), a.end(ctx, "")), nil
}

// end is what the tether of a container says, of a companion if it has a name; nil when that
// is nothing.
func (a *attempt) end(ctx context.Context, companion string) *tether.End {
	end, err := tether.ReadEnd(endPath(a.journal, companion))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		a.runtime.Log.WarnContext(ctx, "what a container's tether says cannot be read", "journal", a.journal, "error", err)
	}
	return end
}

// awaitEnd returns the container once it has ended. The error is of ctx, that
// there is no such container, or that it cannot be started.
func (a *attempt) awaitEnd(ctx context.Context, e *engine, name string, log *logCopy) (*container.InspectResponse, error) {
	for {
		if a.refused != nil {
			return nil, a.refused
		}
		found, err := e.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
		state := found.Container.State
		switch {
		case ctx.Err() != nil || cerrdefs.IsNotFound(err):
			return nil, err
		case err != nil || state == nil:
			pause(ctx, retryEvery) // the engine is away
			continue
		case neverStarted(state):
			if ended, err := a.startAgain(ctx, e, &found.Container); ended {
				return &found.Container, err
			}
			continue
		}
		log.begin(ctx)
		if !state.Running && !state.Paused && !state.Restarting {
			return &found.Container, nil
		}
		a.runs(int64(state.Pid))
		wait := e.ContainerWait(ctx, name, client.ContainerWaitOptions{Condition: container.WaitConditionNotRunning})
		select {
		case <-wait.Result:
		case err := <-wait.Error:
			a.runtime.Log.DebugContext(ctx, "a container's end is waited for again", "container", name, "error", err)
			pause(ctx, retryEvery)
		case <-ctx.Done():
		}
	}
}

// runs notes the process id that the container has.
func (a *attempt) runs(pid int64) {
	a.pid.Store(pid)
	if a.follows != nil {
		a.follows.Store(pid)
	}
}

// startAgain deals with a container whose start was asked for, and that the engine says
// was not started: it could not be, or the request is on its way, or was lost. It
// reports whether the attempt has ended with that.
func (a *attempt) startAgain(ctx context.Context, e *engine, found *container.InspectResponse) (ended bool, err error) {
	if found.State.Error != "" {
		return true, fmt.Errorf("start container: %s", found.State.Error)
	}
	for until := time.Now().Add(settle); time.Now().Before(until); {
		if !pause(ctx, settlePoll) {
			return false, ctx.Err()
		}
		now, err := e.ContainerInspect(ctx, found.ID, client.ContainerInspectOptions{})
		if err != nil || !neverStarted(now.Container.State) {
			return false, nil // look at it as usual
		}
	}
	a.starting.Lock()
	defer a.starting.Unlock()
	rec, _, err := a.load()
	if err != nil {
		return true, err
	}
	if rec.Stopped != nil {
		return true, nil // exitOf sees that it was stopped
	}
	a.refused = e.start(ctx, found.ID)
	return false, nil
}

// neverStarted reports whether a container was made and no more.
func neverStarted(s *container.State) bool {
	if s == nil {
		return false
	}
	started, err := time.Parse(time.RFC3339Nano, s.StartedAt)
	return !s.Running && (err != nil || started.Year() <= 1)
}

// pause returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
