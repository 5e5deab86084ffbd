package engine

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// update changes the status. The change is told and stored with all others that
// come within a moment.
func (l *life) update(change func(*gpuagentv1.WorkloadStatus)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.w.GetStatus())
	l.changed()
}

// changed sees to it that the status is told in a moment. The life is locked.
func (l *life) changed() {
	if l.settling != nil || l.over || l.w.GetMetadata().GetResourceVersion() == 0 {
		return // it is told anyway: soon, at its end, or once it is stored
	}
	l.settling = time.AfterFunc(settleAfter, func() { l.engine.spawn(l.settle) })
}

// settle tells and stores the status as it is by now.
func (l *life) settle(ctx context.Context) {
	l.mu.Lock()
	l.settling = nil
	if l.over {
		l.mu.Unlock()
		return
	}
	l.w.Status.Phase = phaseOf(l.w.GetStatus())
	if !l.fillPIDs() {
		l.changed()
	}
	l.publish()
	l.mu.Unlock()
	if err := l.store(ctx); err != nil && ctx.Err() == nil {
		l.engine.Log.WarnContext(ctx, "status is not stored yet", "workload", l.key, "error", err)
	}
}

// publish puts the status on the board. The life is locked, so that what was
// later is published later.
func (l *life) publish() {
	if !l.deleted {
		l.engine.board.Publish(l.copy())
	}
}

// stored takes note of the revision a new workload was stored at, and shows it.
func (l *life) stored(revision int64) *gpuagentv1.Workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.Metadata.ResourceVersion = revision
	l.publish()
	l.changed() // what has happened since it was written
	close(l.known)
	return l.copy()
}

// ran notes what a replica runs with. It is told with whatever is told next.
func (l *life) ran(position int, runtime string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.w.GetStatus().GetReplicas()[position].Runtime = runtime
}

// warn adds a sentence to the warnings, once.
func (l *life) warn(sentence string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.w.GetStatus().GetWarnings(), sentence) {
		l.w.Status.Warnings = append(l.w.Status.Warnings, sentence)
	}
}

// shows tells watchers how it stands.
func (l *life) shows() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.changed()
}

func (l *life) snapshot() *gpuagentv1.Workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copy()
}

// copy returns the workload as it is. The spec is shared: it is never changed, but
// replaced. The life is locked.
func (l *life) copy() *gpuagentv1.Workload {
	return &gpuagentv1.Workload{Metadata: proto.CloneOf(l.w.GetMetadata()), Spec: l.w.GetSpec(), Status: proto.CloneOf(l.w.GetStatus())}
}
