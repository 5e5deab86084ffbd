package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime"
)

// disrupted reports whether the life ended only for its workload to run anew. When a
// node is lost, the replicas elsewhere often fail before that is known; then too it
// was the node. What had ended well by then does not run again.
func (l *life) disrupted(results []result) bool {
	cause := context.Cause(l.stopping)
	var made *preemption
	switch {
	case l.engine.Joined || !l.spec.GetDisruptible():
		return false
	case errors.Is(cause, errStopAsked), errors.Is(cause, errDeleted), errors.Is(cause, errDeadline):
		return false
	case hasSucceeded(l.snapshot()):
		return false // there is nothing left to do, however what still ran has ended
	}
	return slices.ContainsFunc(results, func(r result) bool {
		return r.reason == runtime.ReasonNodeLost && !r.borne || errors.As(cause, &made) && r.phase == gpuagentv1.Phase_PHASE_STOPPED
	})
}

// hasSucceeded reports whether a workload has done its work, as it says itself, although
// replicas may still run.
func hasSucceeded(w *gpuagentv1.Workload) bool {
	success := w.GetSpec().GetSuccess()
	if success == nil {
		return false
	}
	all, one, first := true, false, false
	for _, r := range w.GetStatus().GetReplicas() {
		if r.GetGroup() != success.GetGroup() || r.GetLeaving() {
			continue
		}
		well := r.GetPhase() == gpuagentv1.Phase_PHASE_SUCCEEDED
		all, one, first = all && well, one || well, first || well && r.GetIndex() == 0
	}
	switch success.GetRule() {
	case gpuagentv1.SuccessRule_SUCCESS_RULE_ANY:
		return one
	case gpuagentv1.SuccessRule_SUCCESS_RULE_FIRST:
		return first
	default:
		return all && one
	}
}

// moveOn ends a life whose workload waits to be placed again, in its next epoch.
// Nothing of this one runs any more: its replicas have ended, or were on a node whose
// lease has.
func (l *life) moveOn(ctx context.Context, results []result) {
	ended := l.snapshot()
	l.engine.keepLogs(ctx, ended)
	l.engine.removePlaces(ctx, l.engine.placesOf(ended))
	if !l.engine.withdraw(ctx, ended) {
		return // the next agent finds the life as it is
	}
	l.mu.Lock()
	l.over = true
	renew(l.w, why(context.Cause(l.stopping), results))
	l.publish()
	l.mu.Unlock()
	if l.storeUntilDone(ctx) {
		l.engine.leave(l)
	}
}

// why is the sentence that says what disrupted a workload.
func why(cause error, results []result) string {
	for _, r := range results {
		if r.reason == runtime.ReasonNodeLost {
			return r.message
		}
	}
	return cause.Error()
}

// renew makes the status that of a workload's next epoch, which waits.
func renew(w *gpuagentv1.Workload, why string) {
	s := w.GetStatus()
	s.Epoch++
	s.Phase, s.Reason, s.Message = gpuagentv1.Phase_PHASE_PENDING, "", fmt.Sprintf("waits to run anew: %s", why)
	s.StartTime, s.Incarnations = nil, 0
	for i, r := range s.GetReplicas() {
		s.Replicas[i] = &gpuagentv1.ReplicaStatus{
			Group: r.GetGroup(), Index: r.GetIndex(), Phase: gpuagentv1.Phase_PHASE_PENDING, Restarts: r.GetRestarts(),
		}
	}
	trim(w)
}
