package dag

import (
	"slices"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
)

// retrial is what a retry of the run makes of a node. A record says at which
// retry its task was last taken up. One from before the last retry is outdated:
//
//   - of a task that did not succeed, it tells only of the past. The task is
//     taken up anew, its attempts numbered on;
//   - of a task that succeeded, it stands as long as nothing that the task waits
//     for ran again. If something did, the task runs again, and all that is
//     below it; so an exit task follows what it guards.
//
// All of it follows from the records, so a crash in the midst of a retry changes
// nothing.
type retrial struct {
	retries int              // of the run when the node was last taken up
	before  []stamp          // history before it was taken up then
	kept    *pipelinev1.Task // its success before the retry, until it is known whether that stands
	anew    bool             // it runs again with all that is below it, for its inputs may differ
	stirred bool             // a child of it ran again
	reran   bool             // it ran again, or ended otherwise than before
}

// outdated reports whether a record is from before the last retry.
func (p *Plan) outdated(t *pipelinev1.Task) bool { return int(t.GetRunRetries()) != p.run.Retries }

// stands reports whether a record tells how the task is, and not only how it was.
func (p *Plan) stands(t *pipelinev1.Task) bool {
	return !p.outdated(t) || t.GetDetail().GetState() == pipelinev1.RuntimeState_SUCCEEDED
}

// begun reports whether an attempt was made since the task was last taken up.
func begun(t *pipelinev1.Task) bool { return t.GetAttempts() > t.GetEarlierAttempts() }

// begunNow reports whether a record tells of an attempt at a leaf that counts.
func (p *Plan) begunNow(n *node) bool {
	past := p.memory.tasks[n.id]
	return past != nil && int(past.GetRunRetries()) == n.retries && begun(past)
}

// wasOpen reports whether a node was open before a crash.
func (p *Plan) wasOpen(n *node) bool {
	if n.isLeaf() {
		return p.begunNow(n)
	}
	return p.memory.opened[n.path]
}

// hadEnded reports whether a task had ended before a crash.
func (p *Plan) hadEnded(path string) bool {
	past := p.memory.tasks[p.idOf(path)]
	return past != nil && !p.outdated(past) && final(past.GetDetail().GetState())
}

// settleRetrial says, when all upstream tasks have ended, whether a success
// before the retry stands.
func (p *Plan) settleRetrial(n *node) {
	n.anew = n.anew || n.upstreamReran()
	kept := n.kept
	n.kept = nil
	if kept != nil && n.anew {
		p.renew(n, kept)
	}
}

func (n *node) upstreamReran() bool {
	if n.parent == nil || n.parent.graph == nil {
		return false
	}
	return slices.ContainsFunc(n.parent.graph.upstream[n.index], func(u int) bool { return n.parent.children[u].reran })
}

// renew takes a node up anew: nothing is left of its past but its attempts, so
// that they are numbered on and their logs are found, and its history.
func (p *Plan) renew(n *node, past *pipelinev1.Task) {
	n.retries = p.run.Retries
	n.recorded = 0 // its execution is to be recorded again
	n.before = decodeHistory(past)
	n.history, n.past = slices.Clone(n.before), nil
	n.restoreAttempts(past)
	n.attempt = int(past.GetAttempts())
	n.earlier = n.attempt
	if last := past.GetWorkload(); last != "" && !slices.Contains(n.failed, last) {
		n.failed = append(n.failed, last)
	}
	n.workload = ""
	n.enter(pipelinev1.RuntimeState_PENDING, later(p.now, n.history))
	p.changed(n)
}

// later is a time that is not before the end of a history: clocks differ.
func later(at time.Time, history []stamp) time.Time {
	if len(history) == 0 || history[len(history)-1].at.Before(at) {
		return at
	}
	return history[len(history)-1].at
}

// restoreAttempts notes the attempts of a leaf from before the retry at which it
// was last taken up. Those since then are restored when it is opened.
func (n *node) restoreAttempts(past *pipelinev1.Task) {
	n.earlier = int(past.GetEarlierAttempts())
	n.attempt = n.earlier
	n.failed = slices.Clone(past.GetDetail().GetExecutorDetail().GetFailedMainJobs())
}

// splitHistory parts a history into what was before the task was last taken up,
// which ended in a final state, and what followed.
func splitHistory(history []stamp) (before, since []stamp) {
	for i := len(history) - 2; i >= 0; i-- {
		if final(history[i].state) {
			return history[:i+1], history[i+1:]
		}
	}
	return nil, history
}

// final reports whether a task in this state has ended.
func final(s pipelinev1.RuntimeState) bool {
	switch s {
	case pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_FAILED,
		pipelinev1.RuntimeState_SKIPPED, pipelinev1.RuntimeState_CANCELED:
		return true
	}
	return false
}

// ranAnew reports, once a node has ended, whether what follows it must run
// again. Of a composite the tasks in it tell, unless it ended otherwise.
func (p *Plan) ranAnew(n *node) bool {
	if n.retries != p.run.Retries || p.run.Retries == 0 {
		return false
	}
	if len(n.before) == 0 || n.before[len(n.before)-1].state != n.state {
		return true
	}
	if n.state == pipelinev1.RuntimeState_SKIPPED {
		return false
	}
	return n.isLeaf() || n.stirred
}
