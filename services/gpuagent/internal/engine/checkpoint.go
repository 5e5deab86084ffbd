package engine

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// What a workload keeps for the next one to go on from, its checkpoints, follows it from
// node to node: a node that has joined stores what has changed every now and then and in
// the end, the head in the end, and a node that starts the workload fetches what is
// newer than what it has. Of a node that is lost, what was stored last is there.

const (
	checkpointsName = "checkpoints" // directory in the kept one that follows the workload
	checkpointEvery = 15 * time.Second
	settledAfter    = time.Second // a file that was not written to for so long is whole
)

// checkpointKey is the key of the checkpoints of a workload in the object store.
func checkpointKey(w *gpuagentv1.Workload) string {
	return keptKey(w.GetMetadata().GetNamespace(), w.GetSpec().GetKeep())
}

func keptKey(namespace, keep string) string { return "kept/" + state.Key(namespace, keep) }

// checkpoints are those of a life on this node.
type checkpoints struct {
	mu      sync.Mutex           // held while they move
	fetched bool                 // guarded by mu
	stored  map[string]time.Time // guarded by mu; when files were written that are stored, by name
}

// recallCheckpoints fetches checkpoints that another node has stored, once for all
// replicas of this one.
func (r *replica) recallCheckpoints(ctx context.Context) error {
	keep := r.keepDir()
	if keep == "" {
		return nil
	}
	c, e := &r.life.kept, r.life.engine
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetched {
		return nil
	}
	dir, uri := filepath.Join(keep, checkpointsName), e.Objects.URI(checkpointKey(r.workload))
	err := r.reach(ctx, func() error {
		there, err := e.Objects.Measure(ctx, uri)
		if err != nil || !there.Newest.After(newestIn(dir)) {
			return err
		}
		return e.Objects.Download(ctx, uri, dir)
	})
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	c.fetched, c.stored = true, map[string]time.Time{}
	return eachFile(dir, func(name string, info fs.FileInfo) error {
		c.stored[name] = info.ModTime()
		return nil
	})
}

// storeCheckpoints stores what has changed; in the end all, and before that what is
// whole by now.
func (l *life) storeCheckpoints(ctx context.Context, w *gpuagentv1.Workload, end bool) {
	e, keep := l.engine, l.engine.keptBy(w)
	if keep == "" || !e.follows() {
		return
	}
	l.kept.mu.Lock()
	defer l.kept.mu.Unlock()
	dir := filepath.Join(keep, checkpointsName)
	err := eachFile(dir, func(name string, info fs.FileInfo) error {
		written := info.ModTime()
		if l.kept.stored[name].Equal(written) || !end && time.Since(written) < settledAfter {
			return nil
		}
		err := e.Objects.Upload(ctx, e.Objects.URI(checkpointKey(w)+"/"+filepath.ToSlash(name)), filepath.Join(dir, name))
		if err == nil && l.kept.stored != nil {
			l.kept.stored[name] = written
		}
		if fault.Is(err, fault.NotFound) { // it has gone meanwhile
			return nil
		}
		return err
	})
	if err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "checkpoints are not stored yet", "workload", l.key, "error", err)
	}
}

// follows reports whether checkpoints may be wanted on another node.
func (e *Engine) follows() bool { return e.Joined || len(e.nodes.List("")) > 1 }

// keepStoring stores checkpoints every now and then until the returned function is
// called. The head's are beside the object store.
func (l *life) keepStoring(ctx context.Context) (end func()) {
	if !l.engine.Joined || l.spec.GetKeep() == "" {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(checkpointEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.storeCheckpoints(ctx, l.snapshot(), false)
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// storeLastCheckpoints stores checkpoints when the replicas have ended; not when the
// node's lease had: then the workload may be running elsewhere and have newer ones.
func (l *life) storeLastCheckpoints(ctx context.Context, w *gpuagentv1.Workload, results []result) {
	for _, r := range results {
		if l.engine.Joined && r.reason == runtime.ReasonNodeLost {
			return
		}
	}
	l.storeCheckpoints(ctx, w, true)
}

// dropCheckpoints removes those of a workload that is gone.
func (e *Engine) dropCheckpoints(ctx context.Context, w *gpuagentv1.Workload) {
	if err := e.Objects.RemoveTree(ctx, checkpointKey(w)); err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "stored checkpoints cannot be removed", "workload", w.GetMetadata().GetName(), "error", err)
	}
}

// newestIn is when a file below a directory was last written; zero without any.
func newestIn(dir string) time.Time {
	var newest time.Time
	_ = eachFile(dir, func(_ string, info fs.FileInfo) error {
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
		return nil
	})
	return newest
}

// eachFile visits the regular files below a directory, which need not exist, by their
// names relative to it. What goes meanwhile is passed over.
func eachFile(dir string, visit func(name string, info fs.FileInfo) error) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if os.IsNotExist(err) || err == nil && !entry.Type().IsRegular() {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if os.IsNotExist(err) {
			return nil
		}
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return visit(name, info)
	})
}
