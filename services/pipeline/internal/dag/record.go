package dag

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// Task returns the record of a task as it is, nil when there is none.
func (p *Plan) Task(id string) *pipelinev1.Task {
	n := p.nodes[id]
	if n == nil {
		return nil
	}
	if n.kept != nil {
		return n.kept
	}
	inputs, largeInputs := encodeParameters(n.ownParameters())
	outputs, largeOutputs := encodeParameters(n.outputs.Parameters)
	return &pipelinev1.Task{
		Detail:           p.detail(n),
		Name:             n.name,
		Path:             n.path,
		Kind:             n.kind,
		InputParameters:  inputs,
		OutputParameters: outputs,
		LargeInputs:      largeInputs,
		LargeOutputs:     largeOutputs,
		InputArtifacts:   p.encodeArtifacts(n.inputs.Artifacts),
		OutputArtifacts:  p.encodeArtifacts(n.outputs.Artifacts),
		Attempts:         int32(n.attempt),
		ExitCode:         n.exitCode,
		Message:          n.message,
		LogTail:          n.logTail,
		Workload:         n.workload,
		CachedFromRunId:  n.cachedFrom.Run,
		CachedFromTaskId: n.cachedFrom.Task,
		Warnings:         n.warnings,
		RunRetries:       int32(n.retries),
		EarlierAttempts:  int32(n.earlier),
	}
}

// Untried counts the leaves that have ended and were not tried since the run was
// last retried, by state: what was skipped, left out, or could not be started.
func (p *Plan) Untried() map[pipelinev1.RuntimeState]int {
	counts := map[pipelinev1.RuntimeState]int{}
	for _, n := range p.nodes {
		if n.isLeaf() && n.phase == settled && n.tries() == 0 {
			counts[n.state]++
		}
	}
	return counts
}

// State returns the state of a task, UNSPECIFIED when there is none.
func (p *Plan) State(id string) pipelinev1.RuntimeState {
	if n := p.nodes[id]; n != nil {
		return n.state
	}
	return pipelinev1.RuntimeState_RUNTIME_STATE_UNSPECIFIED
}

func (p *Plan) detail(n *node) *pipelinev1.PipelineTaskDetail {
	d := &pipelinev1.PipelineTaskDetail{
		RunId:       p.run.ID,
		TaskId:      n.id,
		DisplayName: n.displayName(),
		CreateTime:  encodeTime(n.created),
		StartTime:   encodeTime(n.started),
		EndTime:     encodeTime(n.ended),
		State:       n.state,
		ExecutionId: n.recorded,
		Inputs:      p.encodeNumbers(n.inputs.Artifacts),
		Outputs:     p.encodeNumbers(n.outputs.Artifacts),
		PodName:     n.workload,
	}
	if n.parent != nil {
		d.ParentTaskId = n.parent.id
	}
	if n.workload != "" || n.failed != nil {
		d.ExecutorDetail = &pipelinev1.PipelineTaskExecutorDetail{MainJob: n.workload, FailedMainJobs: slices.Clone(n.failed)}
	}
	if n.state == pipelinev1.RuntimeState_FAILED {
		d.Error = &status.Status{Code: int32(codes.Unknown), Message: n.message}
	}
	for _, s := range n.history {
		d.StateHistory = append(d.StateHistory, &pipelinev1.RuntimeStatus{UpdateTime: encodeTime(s.at), State: s.state})
	}
	return d
}

// ownParameters are the input parameters to record. An iteration's are the
// loop's but for the item; a loop of n items would otherwise record n lists of n.
func (n *node) ownParameters() map[string]any {
	if !n.isIteration() || n.parent.loop == nil {
		return n.inputs.Parameters
	}
	item := n.parent.loop.parameter
	if value, ok := n.inputs.Parameters[item]; ok {
		return map[string]any{item: value}
	}
	return nil
}

func (n *node) displayName() string {
	switch {
	case n.parent == nil:
		return "root"
	case n.isIteration():
		return n.path[len(n.parent.path)-len(n.name):]
	case n.task.TaskInfo.Name != "":
		return n.task.TaskInfo.Name
	}
	return n.name
}

func (p *Plan) encodeArtifacts(artifacts map[string][]ir.Artifact) []*pipelinev1.TaskArtifact {
	var list []*pipelinev1.TaskArtifact
	for _, key := range slices.Sorted(maps.Keys(artifacts)) {
		for i, a := range artifacts[key] {
			list = append(list, &pipelinev1.TaskArtifact{
				Key:        key,
				Index:      int32(i),
				Name:       a.Name,
				Type:       a.Type,
				Uri:        a.URI,
				Metadata:   encodeStruct(a.Metadata),
				Uid:        a.UID,
				ArtifactId: p.numbers[a.UID],
				Digest:     a.Digest,
			})
		}
	}
	return list
}

// encodeNumbers lists the artifacts that the metadata service has numbered.
func (p *Plan) encodeNumbers(artifacts map[string][]ir.Artifact) map[string]*pipelinev1.ArtifactList {
	var lists map[string]*pipelinev1.ArtifactList
	for key, list := range artifacts {
		numbers := &pipelinev1.ArtifactList{}
		for _, a := range list {
			if number := p.numbers[a.UID]; number != 0 {
				numbers.ArtifactIds = append(numbers.ArtifactIds, number)
			}
		}
		if len(numbers.ArtifactIds) > 0 {
			put(&lists, key, numbers)
		}
	}
	return lists
}

func encodeTime(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
