package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/mount"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// keepReference begins the paths of what goes into the kept directory.
const keepReference = "${keep}/"

// inKept fills that in.
func inKept(dir, path string) string {
	if rest, ok := strings.CutPrefix(path, keepReference); ok {
		return filepath.Join(dir, rest)
	}
	return path
}

// A directory that workloads keep is <data dir>/kept/<namespace>/<name>. It is there
// from the first start of a replica on, for as long as a workload is stored that
// names it.

func (e *Engine) keptDir() string { return filepath.Join(e.DataDir, "kept") }

// keptBy is the directory that a workload keeps; empty when it keeps none.
func (e *Engine) keptBy(w *gpuagentv1.Workload) string {
	if w.GetSpec().GetKeep() == "" {
		return ""
	}
	return filepath.Join(e.keptDir(), filepath.FromSlash(state.Key(w.GetMetadata().GetNamespace(), w.GetSpec().GetKeep())))
}

func (r *replica) keepDir() string { return r.life.engine.keptBy(r.workload) }

// makeKeepDir makes it, and what the replica is to find in it, for whoever the replicas
// run as: they may be several users. The agent's own directory is closed to others.
func (r *replica) makeKeepDir() error {
	dir := r.keepDir()
	if dir == "" {
		return nil
	}
	if err := makeShared(dir); err != nil {
		return err
	}
	for _, path := range r.template.GetStaging().GetDirectories() {
		if !strings.HasPrefix(path, keepReference) {
			continue
		}
		if err := makeShared(inKept(dir, path)); err != nil {
			return err
		}
	}
	return nil
}

// makeShared makes a directory in which every user may write who gets there.
func makeShared(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.Chmod(dir, 0o777) // #nosec G302 -- as a volume is
}

// keepMount shows it to a container at the path that it has on the node.
func (r *replica) keepMount() []mount.Mount {
	dir := r.keepDir()
	if dir == "" || r.runtime.Name() != runtime.Container {
		return nil
	}
	return []mount.Mount{{Source: dir, Target: dir}}
}

// dropKept removes the directory that a deleted workload kept, unless another
// workload keeps it too.
func (e *Engine) dropKept(ctx context.Context, w *gpuagentv1.Workload) {
	dir := e.keptBy(w)
	if dir == "" || e.keeps()[dir] {
		return
	}
	if !e.Joined {
		e.dropCheckpoints(ctx, w)
	}
	if err := errors.Join(os.RemoveAll(dir), e.clearLeft(e.leftMark(w.GetMetadata().GetNamespace(), w.GetSpec().GetKeep()))); err != nil {
		e.Log.ErrorContext(ctx, "the directory that a workload kept cannot be removed", "directory", dir, "error", err)
	}
}

// A directory that no workload keeps any more is left when a file marks it as such:
// <data dir>/left/<namespace>/<name>. It is made before the workload goes.

func (e *Engine) leftMark(namespace, keep string) string {
	return filepath.Join(e.DataDir, "left", filepath.FromSlash(state.Key(namespace, keep)))
}

// leaveKept marks the directory that a workload keeps as one that stays.
func (e *Engine) leaveKept(w *gpuagentv1.Workload) error {
	if w.GetSpec().GetKeep() == "" {
		return nil
	}
	mark := e.leftMark(w.GetMetadata().GetNamespace(), w.GetSpec().GetKeep())
	err := os.MkdirAll(filepath.Dir(mark), 0o755)
	if err == nil {
		err = os.WriteFile(mark, nil, 0o600)
	}
	if err != nil {
		return fault.Internalf(err, "the directory that workload %s keeps cannot be left", state.KeyOf(w.GetMetadata()))
	}
	return nil
}

// clearLeft removes a mark, if it is there.
func (e *Engine) clearLeft(mark string) error {
	if err := os.Remove(mark); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// DeleteKept removes a directory that was left, and what is stored of it, unless a workload
// keeps it again.
func (e *Engine) DeleteKept(ctx context.Context, namespace, keep string) error {
	if e.Joined {
		return errJoined
	}
	if e.Ready() != nil {
		return e.errNotReady()
	}
	if namespace == "" {
		namespace = state.DefaultNamespace
	}
	dir := filepath.Join(e.keptDir(), filepath.FromSlash(state.Key(namespace, keep)))
	if e.keeps()[dir] {
		return nil
	}
	if err := e.Objects.RemoveTree(ctx, keptKey(namespace, keep)); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), e.clearLeft(e.leftMark(namespace, keep))); err != nil {
		return fault.Internalf(err, "the directory %s cannot be removed", dir)
	}
	return nil
}

// keeps are the directories that stored workloads keep.
func (e *Engine) keeps() map[string]bool {
	kept := map[string]bool{}
	for _, w := range e.board.List(func(*gpuagentv1.Workload) bool { return true }) {
		if dir := e.keptBy(w); dir != "" {
			kept[dir] = true
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, l := range e.lives { // those that are being submitted are on no board yet
		if dir := e.keptBy(l.w); dir != "" {
			kept[dir] = true
		}
	}
	return kept
}

// sweepKept removes the directories that no workload keeps any more, as after a
// crash between a deletion and what follows from it.
func (e *Engine) sweepKept(ctx context.Context) {
	kept := e.keeps()
	namespaces, err := os.ReadDir(e.keptDir())
	for _, namespace := range namespaces {
		var names []fs.DirEntry
		if names, err = os.ReadDir(filepath.Join(e.keptDir(), namespace.Name())); err != nil {
			break
		}
		for _, name := range names {
			dir := filepath.Join(e.keptDir(), namespace.Name(), name.Name())
			_, left := os.Lstat(e.leftMark(namespace.Name(), name.Name()))
			if !kept[dir] && left != nil {
				err = errors.Join(err, os.RemoveAll(dir))
			}
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		e.Log.ErrorContext(ctx, "directories that workloads kept cannot be removed", "error", err)
	}
}
