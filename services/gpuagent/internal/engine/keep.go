package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// logPrefix is the key prefix of the kept logs of a workload.
func logPrefix(namespace, name string) string { return "logs/" + namespace + "/" + name }

// logName is the name below logPrefix of one replica's kept log.
func logName(group string, index int32) string { return fmt.Sprintf("%s-%d.log", group, index) }

// keepLogs puts what the replicas wrote into the object store, where it outlives
// the workload. It may be repeated. An empty log is not kept.
func (e *Engine) keepLogs(ctx context.Context, w *gpuagentv1.Workload) {
	m := w.GetMetadata()
	for _, r := range w.GetStatus().GetReplicas() {
		path := logPath(e.replicaDir(m.GetUid(), replicaName(r)))
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
			continue
		}
		if err == nil {
			err = e.keep(ctx, logPrefix(m.GetNamespace(), m.GetName())+"/"+logName(r.GetGroup(), r.GetIndex()), path)
		}
		if err != nil && ctx.Err() == nil {
			e.Log.ErrorContext(ctx, "log cannot be kept", "workload", m.GetName(), "replica", replicaName(r), "error", err)
		}
	}
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
