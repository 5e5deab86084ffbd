package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/garbage"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// lookup returns the key under which a task's outputs are kept, and the outputs
// when an earlier task left them and they still are what it made. An entry whose
// outputs are not, or that has expired, is dropped.
func (e *Engine) lookup(ctx context.Context, request launch.Request, custom string) (string, *dag.Result, error) {
	request.Stamps = e.stamps(ctx, request.Inputs)
	digest, err := launch.CacheKey(request, custom)
	if err != nil {
		return "", nil, err
	}
	key := state.CacheKey(request.Run.Namespace, request.Run.PipelineName, digest)
	item, err := e.deps.State.Cache.Get(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return key, nil, nil
	}
	if err != nil {
		return key, nil, err
	}
	outputs := dag.Outputs(item.Value.GetTask())
	holds, err := e.holds(ctx, item.Value, outputs)
	if err == nil && holds {
		holds, err = e.takeOver(ctx, item.Value.GetRunId(), request.Run.ID, outputs)
	}
	if err == nil && !holds {
		err = e.dropEntry(ctx, item)
	}
	if err != nil || !holds {
		return key, nil, err
	}
	if condemned, err := e.condemned(ctx, e.producers(outputs)); condemned || err != nil {
		return key, nil, err
	}
	from := dag.Reused{Run: item.Value.GetRunId(), Task: item.Value.GetTask().GetDetail().GetTaskId()}
	return key, &dag.Result{Verdict: dag.Succeeded, Outputs: outputs, CachedFrom: from}, nil
}

// holds reports whether an entry has not expired and its artifacts are intact.
func (e *Engine) holds(ctx context.Context, entry *pipelinev1.CacheEntry, outputs ir.Values) (bool, error) {
	if state.Expired(entry, e.cfg.CacheTTL, time.Now()) {
		return false, nil
	}
	for _, artifacts := range outputs.Artifacts {
		for _, a := range artifacts {
			if intact, err := e.intact(ctx, a); !intact || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// dropEntry forgets an entry, unless another task has replaced it meanwhile.
func (e *Engine) dropEntry(ctx context.Context, item store.Item[*pipelinev1.CacheEntry]) error {
	err := e.deps.State.Cache.Delete(ctx, item.Key, item.Revision)
	if fault.Is(err, fault.Conflict) {
		return nil
	}
	return err
}

// maxProducers is how many runs the artifacts of one hit may come from: each is
// checked in the commit that saves it.
const maxProducers = 4

// producers are the runs in whose places below the artifact root outputs lie.
func (e *Engine) producers(outputs ir.Values) []string {
	root := e.deps.Bucket.URI(state.Artifacts)
	var runs []string
	for _, artifacts := range outputs.Artifacts {
		for _, a := range artifacts {
			place, below := garbage.PlaceOf(root, a.URI)
			if run := place.Run(); below && !slices.Contains(runs, run) {
				runs = append(runs, run)
			}
		}
	}
	slices.Sort(runs)
	return runs
}

// condemned reports whether artifacts of one of the runs are being removed, or
// it cannot be made sure that they are not.
func (e *Engine) condemned(ctx context.Context, runs []string) (bool, error) {
	if len(runs) > maxProducers {
		return true, nil
	}
	for _, run := range runs {
		_, err := e.deps.State.Condemned.Get(ctx, run)
		if !fault.Is(err, fault.NotFound) {
			return true, err
		}
	}
	return false, nil
}

// errTakenBack is why a hit could not be saved. Nothing has followed from it, so
// the run is taken up anew from what was saved, and the task finds no hit.
var errTakenBack = errors.New("what was to be reused is being removed")

// standing are the checks that the artifacts of a hit are not being removed.
// They are part of the commit that saves it: whoever removes artifacts condemns
// their run first and then looks who uses them, so either sees the other.
func (e *Engine) standing(task *pipelinev1.Task) []store.Op {
	var checks []store.Op
	for _, run := range e.producers(dag.Outputs(task)) {
		checks = append(checks, e.deps.State.Condemned.CheckOp(run, 0))
	}
	return checks
}

// entryOp keeps the outputs of a task for later runs.
func (e *Engine) entryOp(request launch.Request, key string, task *pipelinev1.Task) store.Op {
	entry := &pipelinev1.CacheEntry{
		RunId:     request.Run.ID,
		CreatedAt: timestamppb.Now(),
		Task: &pipelinev1.Task{
			Detail: &pipelinev1.PipelineTaskDetail{
				RunId:     request.Run.ID,
				TaskId:    request.Task.ID,
				State:     task.GetDetail().GetState(),
				StartTime: task.GetDetail().GetStartTime(),
				EndTime:   task.GetDetail().GetEndTime(),
			},
			Name:             task.GetName(),
			Path:             task.GetPath(),
			OutputParameters: task.GetOutputParameters(),
			LargeOutputs:     task.GetLargeOutputs(),
			OutputArtifacts:  task.GetOutputArtifacts(),
		},
	}
	return e.deps.State.Cache.UpdateOp(key, entry, store.AnyRevision)
}
