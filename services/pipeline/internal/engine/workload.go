package engine

import (
	"maps"
	"strconv"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
)

// group is the one replica group of a step.
const group = "main"

// maxOutputBytes is the largest executor_output.json that is read back.
const maxOutputBytes = 128 << 10

// workloadOf makes the workload that runs an attempt.
func (e *Engine) workloadOf(a dag.Launch, request launch.Request, name string, l *launch.Launch) *gpuagentv1.Workload {
	w := &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{
			Namespace: request.Run.Namespace,
			Name:      name,
			Labels: over(l.Pod.Labels, map[string]string{
				labelOwner:   owner,
				labelRun:     request.Run.ID,
				labelTask:    a.TaskID,
				labelAttempt: strconv.Itoa(a.Number),
			}),
			Annotations: over(l.Pod.Annotations, map[string]string{
				annotationPipeline:     request.Run.PipelineName,
				"kfmesh.dev/task-path": a.Path,
			}),
		},
		Spec: &gpuagentv1.WorkloadSpec{
			Groups: []*gpuagentv1.ReplicaGroup{{Name: group, Count: 1, Template: templateOf(request.Layout, e.namesOf(request.Run), l)}},
		},
	}
	schedule := l.Pod.Schedule
	w.Spec.Queue, w.Spec.Priority, w.Spec.PriorityClass = schedule.Queue, schedule.Priority, schedule.PriorityClass
	if schedule.FailWhenUnsatisfiable {
		w.Spec.WhenUnsatisfiable = gpuagentv1.WhenUnsatisfiable_WHEN_UNSATISFIABLE_FAIL
	}
	if l.Pod.Deadline > 0 {
		w.Spec.Deadline = durationpb.New(l.Pod.Deadline)
	}
	return w
}

// over adds entries to those of a pipeline's author; they win.
func over(theirs, ours map[string]string) map[string]string {
	if len(theirs) == 0 {
		return ours
	}
	all := maps.Clone(theirs)
	maps.Copy(all, ours)
	return all
}

func templateOf(layout launch.Layout, names names, l *launch.Launch) *gpuagentv1.Template {
	t := &gpuagentv1.Template{
		Image:   l.Image,
		Command: names.literals(l.Command),
		Args:    names.literals(l.Args),
		Resources: &gpuagentv1.Resources{
			CpuMilli:         l.Resources.CPUMilli,
			MemoryBytes:      l.Resources.MemoryBytes,
			CpuLimitMilli:    l.Resources.CPULimitMilli,
			MemoryLimitBytes: l.Resources.MemoryLimitBytes,
			Gpus:             l.Resources.GPUs,
			GpuModel:         l.Resources.GPUModel,
		},
		Staging:          stagingOf(layout, names, l),
		Volumes:          l.Pod.Volumes,
		Mounts:           l.Pod.Mounts,
		NodeSelector:     l.Pod.NodeSelector,
		Tolerations:      l.Pod.Tolerations,
		ImagePullPolicy:  l.Pod.PullPolicy,
		ImagePullSecrets: l.Pod.PullSecrets,
		SecurityContext:  l.Pod.SecurityContext,
		Runtime:          l.Runtime,
	}
	for _, e := range l.Env {
		t.Env = append(t.Env, &gpuagentv1.EnvVar{Name: e.Name, Value: names.literal(e.Value)})
	}
	t.Env = append(t.Env, l.Pod.Env...)
	return t
}

func stagingOf(layout launch.Layout, names names, l *launch.Launch) *gpuagentv1.Staging {
	s := &gpuagentv1.Staging{}
	for _, dir := range l.Directories {
		s.Directories = append(s.Directories, names.stage(dir))
	}
	for _, t := range l.Downloads {
		s.Downloads = append(s.Downloads, &gpuagentv1.Transfer{Uri: t.URI, Path: names.stage(t.Path), Optional: t.Optional, Expand: t.Expand})
	}
	for _, t := range l.Uploads {
		s.Uploads = append(s.Uploads, &gpuagentv1.Transfer{Uri: t.URI, Path: names.stage(t.Path)})
	}
	for _, file := range l.Returns {
		r := &gpuagentv1.ReturnedPath{Path: names.stage(file)}
		if file == layout.OutputFile() {
			r.MaxBytes = maxOutputBytes
		}
		s.Returns = append(s.Returns, r)
	}
	return s
}
