package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
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

// checkpointsKey is the key below which all are.
const checkpointsKey = "kept"

func keptKey(namespace, keep string) string {
	return checkpointsKey + "/" + state.Key(namespace, keep)
}

// checkpoints are those of a life on this node.
type checkpoints struct {
	mu      sync.Mutex // held while they move
	fetched bool       // guarded by mu
	stored  synced     // guarded by mu; nil until it is read
	seen    map[string]version
}

// recallCheckpoints fetches checkpoints that another node has stored since this one had
// them, once for all replicas of this one.
func (r *replica) recallCheckpoints(ctx context.Context) error {
	keep := r.keepDir()
	if keep == "" {
		return nil
	}
	c := &r.life.kept
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fetched {
		return nil
	}
	c.stored = recallSynced(keep)
	err := r.reach(ctx, func() error { return r.fetchCheckpoints(ctx, keep, c.stored) })
	if err != nil {
		return err
	}
	c.fetched = true
	return c.stored.keep(keep)
}

func (r *replica) fetchCheckpoints(ctx context.Context, keep string, stored synced) error {
	objects, dir := r.life.engine.Objects, filepath.Join(keep, checkpointsName)
	uri := objects.URI(checkpointKey(r.workload))
	files, err := objects.Files(ctx, uri)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		if _, err := os.Lstat(path); err == nil && stored[f.Name].There == versionOf(f.Bytes, f.Modified) {
			continue
		}
		if err := objects.Download(ctx, uri+"/"+f.Name, path); err != nil {
			return err
		}
		if err := shareBelow(dir, path); err != nil {
			return err
		}
		here, err := os.Lstat(path)
		if err != nil {
			return err
		}
		stored[f.Name] = pair{Here: versionOf(here.Size(), here.ModTime()), There: versionOf(f.Bytes, f.Modified)}
	}
	return nil
}

// shareBelow lets whoever the replicas run as write to a file, and where it is below a directory:
// the agent has written it, as another user.
func shareBelow(dir, path string) error {
	if err := os.Chmod(path, 0o666); err != nil { // #nosec G302 -- in the agent's directory, which is closed to others
		return err
	}
	for path = filepath.Dir(path); path != dir; path = filepath.Dir(path) {
		if err := makeShared(path); err != nil {
			return err
		}
	}
	return nil
}

// storeCheckpoints stores what has changed; in the end all, and before that what is
// whole by now. A node whose lease has ended leaves that to another: see tenure.go. It returns
// false when it is worth to be tried again.
func (l *life) storeCheckpoints(ctx context.Context, w *gpuagentv1.Workload, end bool) bool {
	e, keep := l.engine, l.engine.keptBy(w)
	if keep == "" || !e.follows() || !e.holds(w) {
		return true
	}
	l.kept.mu.Lock()
	defer l.kept.mu.Unlock()
	if l.kept.stored == nil {
		l.kept.stored = recallSynced(keep)
	}
	moved, err := l.uploadCheckpoints(ctx, w, keep, end)
	if len(moved) > 0 {
		err = errors.Join(err, l.noteStored(ctx, w, moved), l.kept.stored.keep(keep))
	}
	if err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "checkpoints are not stored yet", "workload", l.key, "error", err)
	}
	return !fault.Is(err, fault.Unavailable)
}

// uploadCheckpoints returns the files that it has stored, as they were here.
func (l *life) uploadCheckpoints(ctx context.Context, w *gpuagentv1.Workload, keep string, end bool) (map[string]version, error) {
	objects, dir := l.engine.Objects, filepath.Join(keep, checkpointsName)
	seen, moved := map[string]version{}, map[string]version{}
	err := eachFile(dir, func(name string, info fs.FileInfo) error {
		name = filepath.ToSlash(name)
		is := versionOf(info.Size(), info.ModTime())
		seen[name] = is
		if l.kept.stored[name].Here == is || !end && l.kept.seen[name] != is && !settled(info.ModTime(), time.Now()) {
			return nil
		}
		err := objects.Upload(ctx, objects.URI(checkpointKey(w)+"/"+name), filepath.Join(dir, filepath.FromSlash(name)))
		if fault.Is(err, fault.NotFound) { // it has gone meanwhile
			return nil
		}
		if err == nil {
			moved[name] = is
		}
		return err
	})
	l.kept.seen = seen
	return moved, err
}

// noteStored notes as what files are in the object store that were put there.
func (l *life) noteStored(ctx context.Context, w *gpuagentv1.Workload, moved map[string]version) error {
	files, err := l.engine.Objects.Files(ctx, l.engine.Objects.URI(checkpointKey(w)))
	for _, f := range files {
		if is, ok := moved[f.Name]; ok {
			l.kept.stored[f.Name] = pair{Here: is, There: versionOf(f.Bytes, f.Modified)}
		}
	}
	return err
}

// settled reports whether a file that was written to at a time is whole by now, as far as
// the clock can be trusted: one that was written to in the future was set.
func settled(written, now time.Time) bool {
	return !written.After(now) && now.Sub(written) >= settledAfter
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

// storeLastCheckpoints stores checkpoints when the last replica of a node that has joined has
// ended, and before anybody hears of that: the next attempt may begin elsewhere at once. A head
// that cannot be reached is waited for, as long as the node has its lease: then the workload may be
// running elsewhere, and have newer ones.
func (l *life) storeLastCheckpoints(ctx context.Context) {
	if !l.engine.Joined || l.spec.GetKeep() == "" || l.leading.Add(-1) > 0 {
		return
	}
	for w := l.snapshot(); !l.storeCheckpoints(ctx, w, true) && l.engine.holds(w); {
		select {
		case <-time.After(retryEvery):
		case <-ctx.Done():
			return
		}
	}
}

// dropCheckpoints removes those of a workload that is gone.
func (e *Engine) dropCheckpoints(ctx context.Context, w *gpuagentv1.Workload) {
	if err := e.Objects.RemoveTree(ctx, checkpointKey(w)); err != nil && ctx.Err() == nil {
		e.Log.WarnContext(ctx, "stored checkpoints cannot be removed", "workload", w.GetMetadata().GetName(), "error", err)
	}
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
