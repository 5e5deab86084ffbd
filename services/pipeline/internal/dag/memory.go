package dag

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// memory is what was saved of the run before a crash.
type memory struct {
	tasks  map[string]*pipelinev1.Task // by id
	opened map[string]bool             // by path: tasks launched, or with children
}

func (p *Plan) remember(tasks []*pipelinev1.Task) memory {
	m := memory{tasks: make(map[string]*pipelinev1.Task, len(tasks)), opened: map[string]bool{}}
	for _, t := range tasks {
		m.tasks[t.GetDetail().GetTaskId()] = t
		if p.stands(t) && (begun(t) || t.GetDetail().GetStartTime() != nil) {
			m.open(t.GetPath())
		}
		for _, a := range t.GetOutputArtifacts() {
			if a.GetArtifactId() != 0 {
				p.numbers[a.GetUid()] = a.GetArtifactId()
			}
		}
	}
	return m
}

// open notes that a task was open, and so were those around it, whose records
// may be lost.
func (m memory) open(path string) {
	for !m.opened[path] {
		m.opened[path] = true
		path = path[:max(0, strings.LastIndexAny(path, "/["))]
	}
}

// recall gives a new node what its record says of it.
func (p *Plan) recall(n *node) {
	past := p.memory.tasks[n.id]
	switch {
	case past == nil:
	case !p.stands(past) || n.anew && p.outdated(past):
		n.created = decodeTime(past.GetDetail().GetCreateTime())
		p.renew(n, past)
		return
	default:
		n.recorded = past.GetDetail().GetExecutionId()
		n.retries = int(past.GetRunRetries())
		n.before, n.past = splitHistory(decodeHistory(past))
		n.history = slices.Clone(n.before)
		n.restoreAttempts(past)
		if p.outdated(past) {
			n.kept = past
		}
	}
	n.created = n.enter(pipelinev1.RuntimeState_PENDING, p.now)
	if past != nil {
		n.created = decodeTime(past.GetDetail().GetCreateTime())
	}
}

// restoreLeaf makes a leaf what its record says.
func (m memory) restoreLeaf(n *node, t *pipelinev1.Task) {
	n.state = t.GetDetail().GetState()
	n.history, n.past = decodeHistory(t), nil
	n.attempt = int(t.GetAttempts())
	n.earlier = int(t.GetEarlierAttempts())
	n.started = decodeTime(t.GetDetail().GetStartTime())
	n.ended = decodeTime(t.GetDetail().GetEndTime())
	n.exitCode = t.GetExitCode()
	n.message = t.GetMessage()
	n.logTail = t.GetLogTail()
	n.workload = t.GetWorkload()
	n.failed = t.GetDetail().GetExecutorDetail().GetFailedMainJobs()
	n.cachedFrom = Reused{Run: t.GetCachedFromRunId(), Task: t.GetCachedFromTaskId()}
	n.warnings = t.GetWarnings()
	n.outputs = Outputs(t)
}

// Outputs returns the outputs that a record holds.
func Outputs(t *pipelinev1.Task) ir.Values {
	var v ir.Values
	v.Parameters = decodeParameters(t.GetOutputParameters(), t.GetLargeOutputs())
	for _, a := range t.GetOutputArtifacts() {
		artifact := ir.Artifact{
			Name: a.GetName(), Type: a.GetType(), URI: a.GetUri(), UID: a.GetUid(), Digest: a.GetDigest(),
		}
		if m := a.GetMetadata(); m != nil {
			artifact.Metadata = m.AsMap()
		}
		put(&v.Artifacts, a.GetKey(), append(v.Artifacts[a.GetKey()], artifact))
	}
	return v
}

func decodeHistory(t *pipelinev1.Task) []stamp {
	var history []stamp
	for _, s := range t.GetDetail().GetStateHistory() {
		history = append(history, stamp{at: decodeTime(s.GetUpdateTime()), state: s.GetState()})
	}
	return history
}

func decodeTime(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
