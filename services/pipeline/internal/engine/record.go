package engine

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const (
	maxRecorded      = 100     // executions in a call
	maxRecordedBytes = 1 << 20 // of a call, as far as it holds more than one
)

// startDelay is how long a task runs before the metadata service hears of it, so
// that a short one is recorded once. A step that looks for its run in experiment
// tracking sooner is made to wait for it there.
const startDelay = 250 * time.Millisecond

// recorder knows which tasks the metadata service has to hear of: those that have
// ended, and those that run for a while. It hears of many at once: every call is a
// commit of its own. One is under way at a time.
type recorder struct {
	waiting *order    // ids of tasks that have ended
	since   time.Time // when the oldest of them was put
	running []begun   // tasks that were started, the oldest first
	calling bool
}

// begun is a task that was started then.
type begun struct {
	id string
	at time.Time
}

func (r *recorder) put(id string) {
	if r.waiting.len() == 0 {
		r.since = time.Now()
	}
	r.waiting.put(id)
}

// start has a task recorded that was started just now, once it has run for a while.
func (r *recorder) start(id string) { r.running = append(r.running, begun{id, time.Now()}) }

func (r *recorder) idle() bool { return r.waiting.len() == 0 && !r.calling }

// untilRecord returns how long the next recording may wait, if there is one to come.
func (r *runner) untilRecord() (wait time.Duration, some bool) {
	if r.recorder.calling {
		return 0, false
	}
	if r.recorder.waiting.len() > 0 {
		wait, some = r.engine.cfg.SaveDelay-time.Since(r.recorder.since), true
	}
	for len(r.recorder.running) > 0 && state.Terminal(r.plan.State(r.recorder.running[0].id)) {
		r.recorder.running = r.recorder.running[1:]
	}
	if len(r.recorder.running) > 0 {
		if due := startDelay - time.Since(r.recorder.running[0].at); !some || due < wait {
			wait, some = due, true
		}
	}
	return wait, some
}

// record starts to record executions that wait for it, unless it is being done.
func (r *runner) record(ctx context.Context) {
	if r.recorder.calling {
		return
	}
	requests := r.toRecord()
	if len(requests) == 0 {
		return
	}
	r.recorder.since = time.Now()
	r.recorder.calling = true
	within := r.within
	r.do(ctx, func(ctx context.Context) func(context.Context) {
		responses := r.engine.record(ctx, requests, within)
		return func(ctx context.Context) {
			r.recorder.calling = false
			if len(responses) > 0 && responses[0] != nil {
				r.within = brief(within)
			}
			for i, response := range responses {
				r.recorded(ctx, requests[i], response)
			}
		}
	})
}

// toRecord takes as many executions as a call takes.
func (r *runner) toRecord() []*metadatav1.PutExecutionRequest {
	requests := r.startedOnes()
	for size := 0; len(requests) < maxRecorded && size < maxRecordedBytes; {
		ids := r.recorder.waiting.take(1)
		if len(ids) == 0 {
			break
		}
		request := executionOf(r.self.Namespace, fit(r.plan.Task(ids[0])))
		size += proto.Size(request)
		requests = append(requests, request)
	}
	return requests
}

// startedOnes takes the tasks that have run for a while, as far as a call takes them.
func (r *runner) startedOnes() []*metadatav1.PutExecutionRequest {
	var requests []*metadatav1.PutExecutionRequest
	running, taken := r.recorder.running, 0
	for ; taken < len(running) && len(requests) < maxRecorded && time.Since(running[taken].at) >= startDelay; taken++ {
		if !state.Terminal(r.plan.State(running[taken].id)) {
			requests = append(requests, executionOf(r.self.Namespace, fit(r.plan.Task(running[taken].id))))
		}
	}
	r.recorder.running = running[taken:]
	return requests
}

// record records executions of one context and returns the answer to each, nil for one that was
// refused. That the metadata service refuses an execution does not fail the run,
// nor the recording of the others.
func (e *Engine) record(ctx context.Context, requests []*metadatav1.PutExecutionRequest, within *metadatav1.Context) []*metadatav1.PutExecutionResponse {
	var all *metadatav1.PutExecutionsResponse
	err := persist(ctx, func(ctx context.Context) (err error) {
		all, err = e.deps.Metadata.PutExecutions(ctx, &metadatav1.PutExecutionsRequest{
			Requests: requests, Contexts: []*metadatav1.Context{within},
		})
		return err
	})
	if err == nil {
		return all.GetResponses()
	}
	responses := make([]*metadatav1.PutExecutionResponse, len(requests))
	for i, request := range requests {
		request.Contexts = []*metadatav1.Context{within}
		responses[i], err = e.recordOne(ctx, request)
		if err != nil && ctx.Err() == nil {
			e.deps.Log.ErrorContext(ctx, "an execution could not be recorded", "run", request.GetExecution().GetContext(),
				"task", request.GetExecution().GetUid(), "error", err)
		}
	}
	return responses
}

func (e *Engine) recordOne(ctx context.Context, request *metadatav1.PutExecutionRequest) (response *metadatav1.PutExecutionResponse, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		response, err = e.deps.Metadata.PutExecution(ctx, request)
		return err
	})
	return response, err
}

// recorded tells the plan the numbers of what was recorded.
func (r *runner) recorded(ctx context.Context, request *metadatav1.PutExecutionRequest, response *metadatav1.PutExecutionResponse) {
	if response == nil || request.GetExecution().GetState() == metadatav1.Execution_STATE_RUNNING {
		return // a task that has only been started has yet to be recorded
	}
	numbers := map[string]int64{}
	number(numbers, request.GetInputs(), response.GetInputArtifactIds())
	number(numbers, request.GetOutputs(), response.GetOutputArtifactIds())
	for _, added := range response.GetAddedOutputs() {
		a := added.GetArtifact()
		numbers[a.GetUid()] = a.GetArtifactId()
		r.apply(ctx, r.plan.Added(request.GetExecution().GetUid(), added.GetKey(), ir.Artifact{
			Name: a.GetName(), UID: a.GetUid(), Type: a.GetType(), URI: a.GetUri(), Metadata: a.GetMetadata().AsMap(),
		}))
	}
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
		if t.GetAttempts() > 0 && state.Terminal(r.plan.State(d.GetTaskId())) && d.GetExecutionId() == 0 {
			r.recorder.put(d.GetTaskId())
		}
	}
}

// cachedFrom is the property of an execution that says which one it was answered
// with.
const cachedFrom = "cached_from"

// executionOf is the execution that a task was, with what it read and wrote.
func executionOf(namespace string, t *pipelinev1.Task) *metadatav1.PutExecutionRequest {
	d := t.GetDetail()
	kind := "system.ContainerExecution"
	if t.GetKind() == pipelinev1.Task_KIND_IMPORTER {
		kind = "system.ImporterExecution"
	}
	var custom map[string]*metadatav1.Value
	if from := t.GetCachedFromTaskId(); from != "" {
		custom = map[string]*metadatav1.Value{cachedFrom: textValue(from)}
	}
	return &metadatav1.PutExecutionRequest{
		Execution: &metadatav1.Execution{
			CustomProperties: custom,
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
	case pipelinev1.RuntimeState_PENDING, pipelinev1.RuntimeState_RUNNING, pipelinev1.RuntimeState_CANCELING:
		return metadatav1.Execution_STATE_RUNNING
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
