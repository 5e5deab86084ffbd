package engine

import (
	"context"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// maxRecordings is how many executions of a run are recorded at once.
const maxRecordings = 4

// recorder knows which ended tasks the metadata service has to hear of.
type recorder struct {
	waiting *order
	calls   int
}

func (r *recorder) idle() bool { return r.waiting.len() == 0 && r.calls == 0 }

// recordSome records waiting executions as far as there is room.
func (r *runner) recordSome(ctx context.Context) {
	for r.recorder.calls < maxRecordings {
		ids := r.recorder.waiting.take(1)
		if len(ids) == 0 {
			return
		}
		request := executionOf(r.self.Namespace, r.plan.Task(ids[0]))
		r.recorder.calls++
		r.do(ctx, func(ctx context.Context) func(context.Context) {
			response, err := r.engine.record(ctx, request)
			return func(ctx context.Context) {
				r.recorder.calls--
				r.recorded(ctx, request, response, err)
			}
		})
	}
}

func (e *Engine) record(ctx context.Context, request *metadatav1.PutExecutionRequest) (response *metadatav1.PutExecutionResponse, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		response, err = e.deps.Metadata.PutExecution(ctx, request)
		return err
	})
	return response, err
}

// recorded tells the plan the numbers of what was recorded. That the metadata
// service refuses an execution does not fail the run.
func (r *runner) recorded(ctx context.Context, request *metadatav1.PutExecutionRequest, response *metadatav1.PutExecutionResponse, err error) {
	if err != nil {
		if ctx.Err() == nil {
			r.log.ErrorContext(ctx, "an execution could not be recorded", "task", request.GetExecution().GetUid(), "error", err)
		}
		return
	}
	numbers := map[string]int64{}
	number(numbers, request.GetInputs(), response.GetInputArtifactIds())
	number(numbers, request.GetOutputs(), response.GetOutputArtifactIds())
	r.apply(ctx, r.plan.Recorded(request.GetExecution().GetUid(), response.GetExecutionId(), numbers))
}

func number(numbers map[string]int64, events []*metadatav1.ArtifactEvent, ids []int64) {
	for i, id := range ids[:min(len(ids), len(events))] {
		numbers[events[i].GetArtifact().GetUid()] = id
	}
}

// recordRestored records the tasks whose end was saved before a crash and whose
// execution was not recorded, as far as that is known.
func (r *runner) recordRestored(tasks []*pipelinev1.Task) {
	for _, t := range tasks {
		d := t.GetDetail()
		if t.GetAttempts() > 0 && state.Terminal(d.GetState()) && d.GetExecutionId() == 0 {
			r.recorder.waiting.put(d.GetTaskId())
		}
	}
}

// executionOf is the execution that a task was, with what it read and wrote.
func executionOf(namespace string, t *pipelinev1.Task) *metadatav1.PutExecutionRequest {
	d := t.GetDetail()
	kind := "system.ContainerExecution"
	if t.GetKind() == pipelinev1.Task_KIND_IMPORTER {
		kind = "system.ImporterExecution"
	}
	return &metadatav1.PutExecutionRequest{
		Execution: &metadatav1.Execution{
			Uid:              d.GetTaskId(),
			Namespace:        namespace,
			Name:             t.GetName(),
			Type:             kind,
			State:            executionState(t),
			Context:          d.GetRunId(),
			InputParameters:  t.GetInputParameters(),
			OutputParameters: t.GetOutputParameters(),
			StartTime:        d.GetStartTime(),
			FinishTime:       d.GetEndTime(),
		},
		Inputs:  eventsOf(namespace, d.GetRunId(), t.GetInputArtifacts()),
		Outputs: eventsOf(namespace, d.GetRunId(), t.GetOutputArtifacts()),
	}
}

func executionState(t *pipelinev1.Task) metadatav1.Execution_State {
	switch t.GetDetail().GetState() {
	case pipelinev1.RuntimeState_SUCCEEDED:
		if t.GetCachedFromRunId() != "" {
			return metadatav1.Execution_STATE_CACHED
		}
		return metadatav1.Execution_STATE_COMPLETE
	case pipelinev1.RuntimeState_CANCELED:
		return metadatav1.Execution_STATE_CANCELED
	}
	return metadatav1.Execution_STATE_FAILED
}

// eventsOf lists artifacts. One that was never recorded, such as the input of a
// task that outran the recording of its producer, is recorded with them.
func eventsOf(namespace, run string, artifacts []*pipelinev1.TaskArtifact) []*metadatav1.ArtifactEvent {
	var events []*metadatav1.ArtifactEvent
	for _, a := range artifacts {
		if a.GetUid() == "" {
			continue
		}
		events = append(events, &metadatav1.ArtifactEvent{
			Key:   a.GetKey(),
			Index: a.GetIndex(),
			Artifact: &metadatav1.Artifact{
				Uid:       a.GetUid(),
				Namespace: namespace,
				Name:      a.GetName(),
				Type:      a.GetType(),
				Uri:       a.GetUri(),
				Metadata:  a.GetMetadata(),
				Digest:    a.GetDigest(),
				Context:   run,
			},
		})
	}
	return events
}
