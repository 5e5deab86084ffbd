package engine

import (
	"context"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Get returns a workload as it is.
func (e *Engine) Get(namespace, name string) (*gpuagentv1.Workload, error) {
	key := state.Key(namespace, name)
	w, ok := e.board.Get(key)
	if !ok {
		return nil, fault.NotFoundf("there is no workload %s", key).WithReason("WORKLOAD_NOT_FOUND")
	}
	return w, nil
}

// Stop asks a workload to end. The wish is stored before it is acted on, so that
// it is not lost with the agent.
func (e *Engine) Stop(ctx context.Context, namespace, name, message string) (*gpuagentv1.Workload, error) {
	if e.Joined {
		return nil, errJoined
	}
	w, err := e.Get(namespace, name)
	if err != nil || state.Ended(w.GetStatus().GetPhase()) {
		return w, err
	}
	l := e.life(w)
	if l == nil { // it has ended just now
		return e.Get(namespace, name)
	}
	l.mu.Lock()
	if !l.over {
		l.w.Status.StopRequested, l.w.Status.Message = true, message
		l.publish()
	}
	l.mu.Unlock()
	if err := l.store(ctx); err != nil {
		return nil, err
	}
	l.stop(errStopAsked)
	return l.snapshot(), nil
}

// Delete forgets a workload and stops what still runs of it. The directory that it keeps may
// be left on this node, until DeleteKept.
func (e *Engine) Delete(ctx context.Context, namespace, name string, leaveKept bool) error {
	if e.Joined {
		return errJoined
	}
	w, err := e.Get(namespace, name)
	if err != nil {
		return err
	}
	l := e.life(w)
	if l != nil {
		if err := l.awaitStored(ctx); err != nil {
			return err
		}
		l.writing.Lock() // what it is writing must not come after the deletion
		defer l.writing.Unlock()
	}
	if leaveKept {
		if err := e.leaveKept(w); err != nil {
			return err
		}
	}
	if err := e.deletions.Do(ctx, state.KeyOf(w.GetMetadata())); err != nil {
		return err
	}
	if l != nil {
		l.drop()
	} else {
		e.board.Remove(w)
	}
	e.spawn(func(ctx context.Context) {
		if l != nil {
			select {
			case <-l.done:
			case <-ctx.Done():
				return // the sweep of the next start does it
			}
			w = l.snapshot() // which may have been placed since
		}
		e.withdraw(ctx, w)
		e.removePlaces(ctx, e.placesOf(w))
		if !leaveKept {
			e.dropKept(ctx, w)
		}
	})
	return nil
}

// sweep removes what is left of workloads that are no longer stored.
func (e *Engine) sweep(ctx context.Context) {
	found, err := e.placesFound()
	if err != nil {
		e.Log.ErrorContext(ctx, "directories of workloads cannot be listed", "error", err)
		return
	}
	e.sweepKept(ctx)
	known := e.known()
	for run, places := range found {
		if !known[run] {
			e.spawn(func(ctx context.Context) {
				e.stopOrphans(ctx, places)
				e.removePlaces(ctx, places)
			})
		}
	}
}

// stopOrphans ends what still runs of a workload that nobody knows any more.
func (e *Engine) stopOrphans(ctx context.Context, places []runtime.Place) {
	for _, at := range places {
		past, h, err := e.Runtimes.Past(at)
		if err != nil {
			e.Log.ErrorContext(ctx, "what is left of an orphan cannot be read", "directory", at.Dir, "error", err)
			continue
		}
		for _, n := range h.Attempts {
			orphan := past.Adopt(at, n)
			if err := orphan.Stop(ctx); err != nil {
				e.Log.ErrorContext(ctx, "an orphan cannot be stopped", "directory", at.Dir, "error", err)
			}
			if _, err := orphan.Wait(ctx); err != nil {
				return
			}
		}
	}
}
