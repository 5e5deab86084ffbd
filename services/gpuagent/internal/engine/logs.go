package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Log is where the output of one replica can be read.
type Log struct {
	Group string
	Index int32
	Path  string // of a file that may not exist yet
	Node  string // whose agent has it instead; empty when the path is of this node

	Companion string // that is asked for; empty for the container that counts
}

// Logs are the logs of a workload, which may have been deleted.
type Logs struct {
	engine   *Engine
	workload *gpuagentv1.Workload // nil once it was deleted
	files    []Log
	fetched  string // directory to remove in the end; empty when nothing was fetched
}

// Logs finds the logs of a workload: on this node while it is known, otherwise
// in the object store. fault.NotFound when there are none. Of a companion it finds its own, where it
// has one, and otherwise that of the replica.
func (e *Engine) Logs(ctx context.Context, namespace, name, companion string) (*Logs, error) {
	logs, err := e.logs(ctx, namespace, name)
	if err == nil && companion != "" {
		logs.turnTo(companion)
	}
	return logs, err
}

// turnTo has the logs be those of a companion, of the replicas that keep it apart.
func (l *Logs) turnTo(companion string) {
	for i := range l.files {
		f := &l.files[i]
		f.Companion = companion
		if f.Path == "" {
			continue
		}
		own := companionLog(f.Path, companion)
		if _, err := os.Stat(own); err == nil || l.apart(f.Group, f.Index, companion) {
			f.Path = own
		}
	}
}

// apart reports whether a replica of a workload that is known is a container whose
// companion, by its name, runs beside it.
func (l *Logs) apart(group string, index int32, companion string) bool {
	if l.workload == nil {
		return false
	}
	contained := slices.ContainsFunc(l.workload.GetStatus().GetReplicas(), func(r *gpuagentv1.ReplicaStatus) bool {
		return r.GetGroup() == group && r.GetIndex() == index && r.GetRuntime() == runtime.Container
	})
	g := slices.IndexFunc(l.workload.GetSpec().GetGroups(), func(g *gpuagentv1.ReplicaGroup) bool { return g.GetName() == group })
	if !contained || g < 0 {
		return false
	}
	t := l.workload.GetSpec().GetGroups()[g].GetTemplate()
	named := func(c *gpuagentv1.Companion) bool { return c.GetName() == companion }
	return slices.ContainsFunc(t.GetCompanions(), named) || slices.ContainsFunc(t.GetInitContainers(), func(c *gpuagentv1.Companion) bool {
		return named(c) && c.GetRestartPolicy() == gpuagentv1.RestartPolicy_RESTART_POLICY_ALWAYS
	})
}

func (e *Engine) logs(ctx context.Context, namespace, name string) (*Logs, error) {
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
	for _, r := range w.GetStatus().GetReplicas() {
		if r.GetNode() != e.Node && (r.GetNode() != "" || e.Joined) {
			continue
		}
		path := logPath(e.replicaDir(state.RunOf(w), placeName(r)))
		logs.files = append(logs.files, Log{Group: r.GetGroup(), Index: r.GetIndex(), Path: path})
	}
	abroad := e.abroad(w)
	if len(abroad) == 0 {
		return logs, nil
	}
	if !logs.Live() {
		return logs, e.addKept(ctx, logs)
	}
	for _, i := range abroad {
		r := w.GetStatus().GetReplicas()[i]
		logs.files = append(logs.files, Log{Group: r.GetGroup(), Index: r.GetIndex(), Node: r.GetNode()})
	}
	return logs, nil
}

// addKept adds the kept logs to those of a workload that are on this node.
func (e *Engine) addKept(ctx context.Context, logs *Logs) error {
	m := logs.workload.GetMetadata()
	kept, err := e.past(ctx, m.GetNamespace(), m.GetName())
	if fault.Is(err, fault.NotFound) { // nothing was written
		return nil
	}
	if err != nil {
		return err
	}
	logs.fetched = kept.fetched
	for _, f := range kept.files {
		if _, err := logs.Select(f.Group, f.Index); err != nil {
			logs.files = append(logs.files, f)
		}
	}
	return nil
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

// keptName is what logName makes. Those of companions have their names behind a dot.
var keptName = regexp.MustCompile(`^([^.]+)-([0-9]{1,9})\.log$`)

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

// AwaitPlaced returns once it is known where a workload runs, or that it has ended, also
// when it was deleted.
func (e *Engine) AwaitPlaced(ctx context.Context, namespace, name string) error {
	key := state.Key(namespace, name)
	if w, ok := e.board.Get(key); !ok || w.GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		return nil
	}
	watch := e.board.Watch(func(w *gpuagentv1.Workload) bool { return state.KeyOf(w.GetMetadata()) == key })
	defer e.board.Unwatch(watch)
	for {
		events, err := watch.Next(ctx)
		if err != nil {
			return err
		}
		for _, event := range events {
			if event.GetType() == gpuagentv1.WorkloadEvent_TYPE_DELETED ||
				event.GetWorkload() != nil && event.GetWorkload().GetStatus().GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
				return nil
			}
		}
	}
}

// Run names the epoch of the workload that the logs are of; empty once it was deleted.
func (l *Logs) Run() string {
	if l.workload == nil {
		return ""
	}
	return state.RunOf(l.workload)
}

// Begun returns how much of a replica's log is of earlier epochs than the present one, once
// that is known: when the replica runs, or has. It returns false if the workload is moved
// before that.
func (l *Logs) Begun(ctx context.Context, f Log, moved <-chan struct{}) (kept int64, ok bool, err error) {
	if l.workload == nil {
		return 0, false, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // which ends with ctx
		select {
		case <-moved:
			cancel()
		case <-ctx.Done():
		}
	}()
	uid, run := l.workload.GetMetadata().GetUid(), l.Run()
	watch := l.engine.board.Watch(func(w *gpuagentv1.Workload) bool { return w.GetMetadata().GetUid() == uid })
	defer l.engine.board.Unwatch(watch)
	for {
		events, err := watch.Next(ctx)
		if err != nil {
			select {
			case <-moved:
				return 0, false, nil
			default:
				return 0, false, err
			}
		}
		for _, e := range events {
			if w := e.GetWorkload(); w != nil && state.RunOf(w) == run && hasBegun(w, f) {
				return statusOf(w, f).GetLogKeptBytes(), true, nil
			}
		}
	}
}

func hasBegun(w *gpuagentv1.Workload, f Log) bool {
	phase := statusOf(w, f).GetPhase()
	return state.Ended(w.GetStatus().GetPhase()) || state.Ended(phase) || phase == gpuagentv1.Phase_PHASE_RUNNING
}

// statusOf is that of a log's replica; nil when the workload has it no more.
func statusOf(w *gpuagentv1.Workload, f Log) *gpuagentv1.ReplicaStatus {
	return entryOf(w.GetStatus().GetReplicas(), &gpuagentv1.ReplicaStatus{Group: f.Group, Index: f.Index})
}

// Name is the name of the replica.
func (f Log) Name() string { return fmt.Sprintf("%s-%d", f.Group, f.Index) }

// placing is where the replicas of a workload are, in which epoch.
func placing(w *gpuagentv1.Workload) string {
	var text strings.Builder
	text.WriteString(state.RunOf(w))
	for _, r := range w.GetStatus().GetReplicas() {
		text.WriteString(" " + r.GetNode())
	}
	return text.String()
}

// WaitMoved returns once the workload has ended, was deleted, or is placed otherwise than
// when its logs were found.
func (l *Logs) WaitMoved(ctx context.Context) error {
	uid, was := l.workload.GetMetadata().GetUid(), placing(l.workload)
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
				state.Ended(e.GetWorkload().GetStatus().GetPhase()),
				e.GetWorkload() != nil && placing(e.GetWorkload()) != was:
				return nil
			}
			seen = true
		}
	}
}
