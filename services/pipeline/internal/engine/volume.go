package engine

import (
	"context"
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// annotationPipeline names the pipeline that something was made for.
const annotationPipeline = "kfmesh.dev/pipeline"

// volume carries out a task that makes or removes a persistent volume. It may
// have been carried out before a crash: a volume that bears the task's label is
// its own, and one that is gone needs no removing.
func (e *Engine) volume(ctx context.Context, l dag.Launch, request launch.Request) started {
	task, err := launch.BuildVolume(request)
	if err != nil {
		return concluded(rejected(err))
	}
	result := dag.Result{Verdict: dag.Succeeded, Outputs: task.Outputs()}
	if task.Create != nil {
		err = e.createVolume(ctx, l, request, task.Create)
	} else {
		result.Warnings, err = e.deleteVolume(ctx, request.Run.Namespace, task.Delete)
	}
	switch {
	case ctx.Err() != nil:
		return started{}
	case err != nil:
		result = dag.Result{Verdict: dag.Failed, Message: sentence(err)}
	}
	return concluded(result)
}

func (e *Engine) createVolume(ctx context.Context, l dag.Launch, request launch.Request, v *gpuagentv1.PersistentVolume) error {
	v.Metadata.Labels = map[string]string{labelOwner: owner, labelRun: request.Run.ID, labelTask: l.TaskID}
	v.Metadata.Annotations = over(v.Metadata.Annotations, map[string]string{annotationPipeline: request.Run.PipelineName})
	err := persist(ctx, func(ctx context.Context) error {
		_, err := e.deps.Volumes.CreateVolume(ctx, &gpuagentv1.CreateVolumeRequest{Volume: v})
		return err
	})
	if !fault.Is(err, fault.AlreadyExists) {
		return err
	}
	var there *gpuagentv1.PersistentVolume
	err = persist(ctx, func(ctx context.Context) (err error) {
		there, err = e.deps.Volumes.GetVolume(ctx, &gpuagentv1.GetVolumeRequest{Namespace: v.Metadata.Namespace, Name: v.Metadata.Name})
		return err
	})
	if err != nil {
		return err
	}
	return mayUse(l, v, there)
}

// mayUse says why a task that makes a volume may not take one that is there for
// it. With caching on it may be one that the same pipeline made earlier, as KFP
// then makes none.
func mayUse(l dag.Launch, asked, there *gpuagentv1.PersistentVolume) error {
	made, wanted := there.GetMetadata(), asked.GetMetadata()
	switch {
	case there.GetStatus().GetDeleting():
		return fmt.Errorf("the volume %q is being deleted; it goes when the last step that mounts it has ended", made.GetName())
	case made.GetLabels()[labelTask] == wanted.GetLabels()[labelTask]:
		return nil
	case l.Task.CachingOptions.EnableCache && made.GetAnnotations()[annotationPipeline] == wanted.GetAnnotations()[annotationPipeline]:
		return nil
	}
	return fmt.Errorf("a volume named %q exists already and was not made by this task; "+
		"give another pvc_name, or a pvc_name_suffix for a name of its own", made.GetName())
}

// deleteVolume removes a volume. That there is none is success, with a warning:
// it may have been removed before a crash.
func (e *Engine) deleteVolume(ctx context.Context, namespace, name string) (warnings []string, err error) {
	err = persist(ctx, func(ctx context.Context) error {
		_, err := e.deps.Volumes.DeleteVolume(ctx, &gpuagentv1.DeleteVolumeRequest{Namespace: namespace, Name: name})
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return []string{fmt.Sprintf("there was no volume %q to delete", name)}, nil
	}
	return nil, err
}
