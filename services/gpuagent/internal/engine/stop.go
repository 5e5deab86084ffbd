package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
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

// Delete forgets a workload and stops what still runs of it.
func (e *Engine) Delete(ctx context.Context, namespace, name string) error {
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
	if err := e.State.Workloads.Delete(ctx, state.Key(namespace, name), store.AnyRevision); err != nil {
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
		}
		e.removeDir(ctx, w.GetMetadata().GetUid())
	})
	return nil
}

// sweep removes what is left of workloads that are no longer stored.
func (e *Engine) sweep(ctx context.Context) {
	entries, err := os.ReadDir(e.workloadsDir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Log.ErrorContext(ctx, "directories of workloads cannot be listed", "error", err)
		return
	}
	known := map[string]bool{}
	for _, w := range e.board.List(func(*gpuagentv1.Workload) bool { return true }) {
		known[w.GetMetadata().GetUid()] = true
	}
	for _, entry := range entries {
		if uid := entry.Name(); !known[uid] {
			e.spawn(func(ctx context.Context) {
				e.stopOrphans(ctx, uid)
				e.removeDir(ctx, uid)
			})
		}
	}
}

// stopOrphans ends what still runs of a workload that nobody knows any more.
func (e *Engine) stopOrphans(ctx context.Context, uid string) {
	for _, at := range e.places(ctx, uid) {
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

// places are the places of a workload's replicas, as their directories tell.
func (e *Engine) places(ctx context.Context, uid string) []runtime.Place {
	entries, err := os.ReadDir(e.workloadDir(uid))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Log.ErrorContext(ctx, "directory of a workload cannot be read", "error", err)
	}
	var places []runtime.Place
	for _, entry := range entries {
		places = append(places, runtime.Place{Workload: uid, Replica: entry.Name(), Dir: filepath.Join(e.workloadDir(uid), entry.Name())})
	}
	return places
}

// forgetPlaces has the runtimes remove what they keep of a workload elsewhere, however long
// that takes. It returns false when the agent ends first.
func (e *Engine) forgetPlaces(ctx context.Context, uid string) bool {
	for _, at := range e.places(ctx, uid) {
		for err := e.Runtimes.Forget(ctx, at); err != nil; err = e.Runtimes.Forget(ctx, at) {
			if ctx.Err() != nil {
				return false
			}
			e.Log.WarnContext(ctx, "what is left of a workload is not removed yet", "directory", at.Dir, "error", err)
			select {
			case <-time.After(forgetEvery):
			case <-ctx.Done():
			}
		}
	}
	return ctx.Err() == nil
}

func (e *Engine) removeDir(ctx context.Context, uid string) {
	if !e.forgetPlaces(ctx, uid) {
		return // the sweep of the next start does it
	}
	e.removeMemory(ctx, uid)
	if err := os.RemoveAll(e.workloadDir(uid)); err != nil {
		e.Log.ErrorContext(ctx, "directory of a workload cannot be removed", "error", err)
	}
	e.removeTemp(ctx, uid)
}

// tempDir holds the TMPDIRs of a workload's replicas, by their positions.
func tempDir(uid string) string { return filepath.Join(os.TempDir(), "kfmesh-"+uid) }

// removeTemp removes the temporary files of a workload that has ended.
func (e *Engine) removeTemp(ctx context.Context, uid string) {
	if err := os.RemoveAll(tempDir(uid)); err != nil {
		e.Log.WarnContext(ctx, "temporary files of a workload cannot be removed", "error", err)
	}
}
