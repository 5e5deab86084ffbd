package engine

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Log is where the output of one replica can be read.
type Log struct {
	Group string
	Index int32
	Path  string // of a file that may not exist yet
	Node  string // whose agent has it instead; empty when the path is of this node
}

// Logs are the logs of a workload, which may have been deleted.
type Logs struct {
	engine   *Engine
	workload *gpuagentv1.Workload // nil once it was deleted
	files    []Log
	fetched  string // directory to remove in the end; empty when nothing was fetched
}

// Logs finds the logs of a workload: on this node while it is known, otherwise
// in the object store. fault.NotFound when there are none.
func (e *Engine) Logs(ctx context.Context, namespace, name string) (*Logs, error) {
	if w, err := e.Get(namespace, name); err == nil {
		return e.present(ctx, w)
	}
	if namespace == "" {
		namespace = state.DefaultNamespace
	}
	return e.past(ctx, namespace, name)
}

// present finds the logs of a workload that is known. What replicas on other nodes have
// written is read there until the workload has ended, and in the object store then.
func (e *Engine) present(ctx context.Context, w *gpuagentv1.Workload) (*Logs, error) {
	logs := &Logs{engine: e, workload: w}
	apart := len(e.abroad(w)) > 0
	if apart && !logs.Live() {
		kept, err := e.past(ctx, w.GetMetadata().GetNamespace(), w.GetMetadata().GetName())
		if fault.Is(err, fault.NotFound) { // nothing was written
			return logs, nil
		}
		return kept, err
	}
	for _, r := range w.GetStatus().GetReplicas() {
		log := Log{Group: r.GetGroup(), Index: r.GetIndex(), Path: logPath(e.replicaDir(state.RunOf(w), replicaName(r)))}
		if apart && r.GetNode() != e.Node {
			log.Node = r.GetNode()
		}
		if !e.Joined || r.GetNode() == e.Node {
			logs.files = append(logs.files, log)
		}
	}
	return logs, nil
}

// fetchedPrefix goes on with the names of temporary directories for logs.
const fetchedPrefix = "logs-"

// past reads kept logs in place where the object store is a directory, and
// otherwise fetches them.
func (e *Engine) past(ctx context.Context, namespace, name string) (*Logs, error) {
	logs := &Logs{engine: e}
	var dir string
	if local, ok := e.Objects.Local(); ok {
		dir = filepath.Join(local, filepath.FromSlash(logPrefix(namespace, name)))
	} else {
		var err error
		if dir, err = os.MkdirTemp("", tempPrefix+fetchedPrefix); err != nil {
			return nil, fault.Internalf(err, "logs cannot be fetched")
		}
		logs.fetched = dir
		if err := e.Objects.Download(ctx, e.Objects.URI(logPrefix(namespace, name)), dir); err != nil {
			logs.Close()
			if fault.Is(err, fault.NotFound) {
				return nil, errNoLogs(namespace, name)
			}
			return nil, err
		}
	}
	logs.files = keptIn(dir)
	if len(logs.files) == 0 {
		logs.Close()
		return nil, errNoLogs(namespace, name)
	}
	return logs, nil
}

func errNoLogs(namespace, name string) error {
	return fault.NotFoundf("there is no workload %s/%s, and nothing is kept that one of this name has written", namespace, name).
		WithReason("WORKLOAD_NOT_FOUND")
}

// keptName is what logName makes.
var keptName = regexp.MustCompile(`^(.+)-([0-9]{1,9})\.log$`)

func keptIn(dir string) []Log {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var files []Log
	for _, entry := range entries {
		if m := keptName.FindStringSubmatch(entry.Name()); m != nil {
			index, err := strconv.ParseInt(m[2], 10, 32)
			if err == nil {
				files = append(files, Log{Group: m[1], Index: int32(index), Path: filepath.Join(dir, entry.Name())})
			}
		}
	}
	return files
}

// Close removes what was fetched.
func (l *Logs) Close() {
	if l.fetched != "" {
		_ = os.RemoveAll(l.fetched) // below the temporary directory: nothing depends on it
	}
}

// Live reports whether the workload may still write.
func (l *Logs) Live() bool {
	return l.workload != nil && !state.Ended(l.workload.GetStatus().GetPhase())
}

// Select returns the log of one replica, or of all when the group is empty.
func (l *Logs) Select(group string, index int32) ([]Log, error) {
	if group == "" {
		return l.files, nil
	}
	i := slices.IndexFunc(l.files, func(f Log) bool { return f.Group == group && f.Index == index })
	if i < 0 {
		return nil, fault.NotFoundf("there is no replica %s-%d, or it has written nothing", group, index)
	}
	return l.files[i : i+1], nil
}

// WaitEnded returns once the workload has ended or was deleted.
func (l *Logs) WaitEnded(ctx context.Context) error {
	uid := l.workload.GetMetadata().GetUid()
	watch := l.engine.board.Watch(func(w *gpuagentv1.Workload) bool { return w.GetMetadata().GetUid() == uid })
	defer l.engine.board.Unwatch(watch)
	seen := false
	for {
		events, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		for _, e := range events {
			switch {
			case e.GetType() == gpuagentv1.WorkloadEvent_TYPE_SYNCED && !seen,
				e.GetType() == gpuagentv1.WorkloadEvent_TYPE_DELETED,
				state.Ended(e.GetWorkload().GetStatus().GetPhase()):
				return nil
			}
			seen = true
		}
	}
}
