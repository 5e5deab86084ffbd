package engine

import (
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Replicas of a workload that scales are known by their position among all, as ever: only the
// last group is scaled, so that nobody else's position changes. One that is to go is leaving
// until it has ended; its place is then another's, of another incarnation, or none.

// Scaling is a wish for another number of replicas.
type Scaling struct {
	Namespace, Name string
	Group           string
	Count           int32
	Revision        int64 // that the workload must have; 0 for any
}

// Scale gives the last group of a workload another number of replicas, together with the
// guard. The wish is stored before it is acted on: whoever finds it after a crash goes on.
func (e *Engine) Scale(ctx context.Context, to Scaling, guard ...store.Op) (*gpuagentv1.Workload, error) {
	if e.Joined {
		return nil, errJoined
	}
	if e.Ready() != nil {
		return nil, e.errNotReady()
	}
	w, err := e.Get(to.Namespace, to.Name)
	if err != nil {
		return nil, err
	}
	l := e.life(w)
	if l == nil {
		return nil, errEnding(w)
	}
	l.writing.Lock()
	defer l.writing.Unlock()
	w = l.snapshot()
	if err := checkScaling(w, to); err != nil {
		return nil, err
	}
	if state.Replicas(lastGroup(w)) == int(to.Count) {
		return w, nil
	}
	if l.isEnding() {
		return nil, errEnding(w)
	}
	resize(w, to.Count)
	if err := checkSize(w); err != nil {
		return nil, err
	}
	revision, err := l.commit(ctx, w, guard)
	if err != nil {
		return nil, err
	}
	return l.rescale(to.Count, revision)
}

// rescale does what is stored by now.
func (l *life) rescale(count int32, revision int64) (*gpuagentv1.Workload, error) {
	e := l.engine
	e.mu.Lock()
	defer e.mu.Unlock()
	l.mu.Lock()
	l.w.Metadata.ResourceVersion = revision
	if l.closed || l.over {
		l.mu.Unlock()
		return nil, errEnding(l.w)
	}
	resize(l.w, count)
	l.publish()
	l.changed()
	scaled := l.copy()
	l.mu.Unlock()
	e.board.Stored(scaled, revision)
	job := e.jobOf(scaled)
	e.scheduler.Resize(l.uid, job.Groups, job.GangMin)
	e.decide()
	l.hear()
	return scaled, nil
}

// commit stores a workload as it is to be, together with the guard.
func (l *life) commit(ctx context.Context, w *gpuagentv1.Workload, guard []store.Op) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	for expected := w.GetMetadata().GetResourceVersion(); ; {
		ops := append([]store.Op{l.engine.State.Workloads.UpdateOp(l.key, w, expected)}, guard...)
		revision, err := l.engine.State.Backend.Commit(ctx, ops...)
		if !fault.Is(err, fault.Conflict) {
			return revision, err
		}
		current, getErr := l.engine.State.Workloads.Get(ctx, l.key)
		if getErr != nil {
			return 0, getErr
		}
		if current.Revision == expected { // it is the guard that does not hold
			return 0, err
		}
		expected = current.Revision // of a write whose answer was lost
	}
}

// isEnding reports whether a life is about to end, or has.
func (l *life) isEnding() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed || l.over || l.stopping.Err() != nil
}

func errEnding(w *gpuagentv1.Workload) error {
	return fault.Preconditionf("workload %s ends, or has ended: it cannot be scaled", state.KeyOf(w.GetMetadata())).WithReason("WORKLOAD_ENDED")
}

// reasonModified is that of a change of a workload that is no longer as it was read.
const reasonModified = "WORKLOAD_MODIFIED"

// IsModified reports whether a change was refused because the workload is no longer as it was
// read.
func IsModified(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Reason == reasonModified
}

// checkScaling says what speaks against it.
func checkScaling(w *gpuagentv1.Workload, to Scaling) error {
	m, spec := w.GetMetadata(), w.GetSpec()
	if to.Revision != 0 && to.Revision != m.GetResourceVersion() {
		return fault.Conflictf("workload %s has changed: it is at revision %d, not %d; read it again", state.KeyOf(m), m.GetResourceVersion(), to.Revision).
			WithReason(reasonModified)
	}
	last := lastGroup(w)
	if last.GetName() != to.Group {
		return fault.Invalidf("group", "is %q; only the last group of a workload can be scaled, here %q", to.Group, last.GetName())
	}
	if !last.GetIndependent() || spec.GetOneNode() {
		return fault.Invalidf("group", "is %q, whose replicas depend on one another; only an independent group can be scaled", to.Group)
	}
	if needed := int32(neededBy(spec) - firstOf(spec)); to.Count < needed {
		return fault.Invalidf("count", "is %d; others refer to %s-%d, so it has to be at least %d", to.Count, to.Group, needed-1, needed)
	}
	return nil
}

func lastGroup(w *gpuagentv1.Workload) *gpuagentv1.ReplicaGroup {
	groups := w.GetSpec().GetGroups()
	return groups[len(groups)-1]
}

// firstOf is the position of the first replica of the last group.
func firstOf(spec *gpuagentv1.WorkloadSpec) int {
	first := 0
	for _, g := range spec.GetGroups()[:len(spec.GetGroups())-1] {
		first += state.Replicas(g)
	}
	return first
}

// resize makes a workload one whose last group has so many replicas. Those that are placed
// and too many are leaving.
func resize(w *gpuagentv1.Workload, count int32) {
	w.Spec = proto.CloneOf(w.GetSpec())
	last, first, s := lastGroup(w), firstOf(w.GetSpec()), w.GetStatus()
	last.Count = count
	w.Metadata.Generation++
	w.Metadata.UpdateTime = timestamppb.Now()
	for len(s.GetReplicas()) < first+int(count) {
		s.Replicas = append(s.Replicas, another(s, last.GetName(), int32(len(s.GetReplicas())-first)))
	}
	for _, r := range s.GetReplicas()[first:] {
		r.Leaving = r.GetLeaving() || r.GetIndex() >= count && r.GetNode() != ""
	}
	trim(w)
}

// another is a replica that is yet to be placed.
func another(s *gpuagentv1.WorkloadStatus, group string, index int32) *gpuagentv1.ReplicaStatus {
	s.Incarnations++
	r := &gpuagentv1.ReplicaStatus{Group: group, Index: index, Phase: gpuagentv1.Phase_PHASE_PENDING, Incarnation: s.GetIncarnations()}
	if s.GetPhase() != gpuagentv1.Phase_PHASE_PENDING {
		r.Message = joinsLater
	}
	return r
}

// trim drops the replicas behind those that a workload is to have, as far as nothing of
// them is placed.
func trim(w *gpuagentv1.Workload) {
	s, most := w.GetStatus(), firstOf(w.GetSpec())+state.Replicas(lastGroup(w))
	for n := len(s.GetReplicas()); n > most && s.GetReplicas()[n-1].GetNode() == ""; n-- {
		s.Replicas = s.GetReplicas()[:n-1]
	}
}
