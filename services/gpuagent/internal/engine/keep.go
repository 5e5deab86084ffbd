package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// logPrefix is the key prefix of the kept logs of a workload.
func logPrefix(namespace, name string) string { return "logs/" + namespace + "/" + name }

// logName is the name below logPrefix of one replica's kept log.
func logName(group string, index int32) string { return fmt.Sprintf("%s-%d.log", group, index) }

// keepLogs puts what the replicas wrote into the object store, where it outlives
// the workload. It may be repeated. An empty log is not kept.
func (e *Engine) keepLogs(ctx context.Context, w *gpuagentv1.Workload) {
	for _, r := range e.own(w) {
		e.keepLogOf(ctx, w, r)
	}
}

// keepLogOf is keepLogs for one replica of this node.
func (e *Engine) keepLogOf(ctx context.Context, w *gpuagentv1.Workload, r *gpuagentv1.ReplicaStatus) {
	m := w.GetMetadata()
	path := logPath(e.replicaDir(state.RunOf(w), placeName(r)))
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil && info.Size() > 0 {
		err = e.keep(ctx, logPrefix(m.GetNamespace(), m.GetName())+"/"+logName(r.GetGroup(), r.GetIndex()), path)
	}
	if err == nil {
		err = e.keepCompanions(ctx, m, r, path)
	}
	if err != nil && ctx.Err() == nil {
		e.Log.ErrorContext(ctx, "log cannot be kept", "workload", m.GetName(), "replica", replicaName(r), "error", err)
	}
}

// companionLog is the log of a companion that has its own, beside that of its replica:
// present or kept.
func companionLog(path, name string) string {
	if replica, kept := strings.CutSuffix(path, ".log"); kept {
		return replica + "." + name + ".log"
	}
	return path + "." + name
}

// keepCompanions does so with what companions wrote to logs of their own.
func (e *Engine) keepCompanions(ctx context.Context, m *metav1.ObjectMeta, r *gpuagentv1.ReplicaStatus, path string) error {
	found, err := filepath.Glob(path + ".*")
	if err != nil {
		return err
	}
	for _, own := range found {
		name := strings.TrimPrefix(own, path+".")
		key := logPrefix(m.GetNamespace(), m.GetName()) + "/" + companionLog(logName(r.GetGroup(), r.GetIndex()), name)
		if info, err := os.Stat(own); err != nil || info.Size() == 0 {
			continue
		}
		if err := e.keep(ctx, key, own); err != nil {
			return err
		}
	}
	return nil
}

// recallLog begins the log of a replica that runs anew with what it wrote before, and
// notes how much that is: what is kept may become another's, who wrote it in an epoch that
// is over, as soon as it was read.
func (r *replica) recallLog(ctx context.Context) error {
	path, m := logPath(r.dir), r.workload.GetMetadata()
	if _, err := os.Lstat(path); err == nil || r.workload.GetStatus().GetEpoch() <= 1 && r.status.GetIncarnation() == 0 {
		return nil
	}
	objects := r.life.engine.Objects
	kept := logPrefix(m.GetNamespace(), m.GetName()) + "/" + logName(r.status.GetGroup(), r.status.GetIndex())
	if err := objects.Download(ctx, objects.URI(kept), path); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	r.life.mu.Lock()
	defer r.life.mu.Unlock()
	r.life.w.GetStatus().GetReplicas()[r.position].LogKeptBytes = info.Size() // told when it runs
	return nil
}

// keep links a file into a store that is a directory of the same file system,
// and otherwise copies it.
func (e *Engine) keep(ctx context.Context, key, path string) error {
	if dir, ok := e.Objects.Local(); ok {
		target := filepath.Join(dir, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an earlier workload of that name
			return err
		}
		if err := os.Link(path, target); err == nil {
			return nil
		}
	}
	return e.Objects.Upload(ctx, e.Objects.URI(key), path)
}
