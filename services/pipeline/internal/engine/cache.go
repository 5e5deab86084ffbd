package engine

import (
	"context"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// lookup returns the key under which a task's outputs are kept, and the outputs
// when an earlier task left them and their artifacts still exist.
func (e *Engine) lookup(ctx context.Context, request launch.Request, custom string) (string, *dag.Result, error) {
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
	for _, artifacts := range outputs.Artifacts {
		for _, a := range artifacts {
			if !e.exists(ctx, a) {
				return key, nil, nil
			}
		}
	}
	return key, &dag.Result{Verdict: dag.Succeeded, Outputs: outputs, CachedFrom: item.Value.GetRunId()}, nil
}

// entryOp keeps the outputs of a task for later runs.
func (e *Engine) entryOp(request launch.Request, key string, task *pipelinev1.Task) store.Op {
	entry := &pipelinev1.CacheEntry{
		RunId: request.Run.ID,
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
			OutputArtifacts:  task.GetOutputArtifacts(),
		},
	}
	return e.deps.State.Cache.UpdateOp(key, entry, store.AnyRevision)
}
