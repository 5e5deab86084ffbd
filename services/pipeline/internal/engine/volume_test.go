package engine_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// volumes is a volume service without directories.
type volumes struct {
	gpuagentv1.UnimplementedVolumeServiceServer

	mu     sync.Mutex
	byName map[string]*gpuagentv1.PersistentVolume // guarded by mu; by name
	made   int                                     // guarded by mu
}

func newVolumes() *volumes { return &volumes{byName: map[string]*gpuagentv1.PersistentVolume{}} }

func (v *volumes) CreateVolume(_ context.Context, r *gpuagentv1.CreateVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	name := r.GetVolume().GetMetadata().GetName()
	if v.byName[name] != nil {
		return nil, fault.AlreadyExistsf("volume %s exists", name)
	}
	v.made++
	v.byName[name] = proto.CloneOf(r.GetVolume())
	return v.byName[name], nil
}

func (v *volumes) GetVolume(_ context.Context, r *gpuagentv1.GetVolumeRequest) (*gpuagentv1.PersistentVolume, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if found := v.byName[r.GetName()]; found != nil {
		return found, nil
	}
	return nil, fault.NotFoundf("there is no volume %s", r.GetName())
}

func (v *volumes) DeleteVolume(_ context.Context, r *gpuagentv1.DeleteVolumeRequest) (*emptypb.Empty, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.byName[r.GetName()] == nil {
		return nil, fault.NotFoundf("there is no volume %s", r.GetName())
	}
	delete(v.byName, r.GetName())
	return &emptypb.Empty{}, nil
}

func (v *volumes) names() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Sorted(maps.Keys(v.byName))
}

// volumeSpec is a pipeline that makes a volume, mounts it in a step and deletes
// it, as far as its tasks go.
func volumeSpec(inputs, tasks string) string {
	return `
pipelineInfo: {name: volumes}
schemaVersion: 2.1.0
components:
  comp-create:
    executorLabel: exec-create
    inputDefinitions:
      parameters:
        access_modes: {parameterType: LIST}
        size: {parameterType: STRING}
        pvc_name: {parameterType: STRING, isOptional: true}
        pvc_name_suffix: {parameterType: STRING, isOptional: true}
        storage_class_name: {parameterType: STRING, isOptional: true, defaultValue: ''}
        volume_name: {parameterType: STRING, isOptional: true}
    outputDefinitions: {parameters: {name: {parameterType: STRING}}}
  comp-delete:
    executorLabel: exec-delete
    inputDefinitions: {parameters: {pvc_name: {parameterType: STRING}}}
  comp-step: {executorLabel: exec-step}
deploymentSpec:
  executors:
    exec-create: {container: {image: argostub/createpvc}}
    exec-delete: {container: {image: argostub/deletepvc}}
    exec-step: {container: {image: alpine, command: ["true"]}}
root:
  dag:
    tasks:
      create:
        componentRef: {name: comp-create}
        cachingOptions: {enableCache: true}
        inputs: {parameters: {access_modes: {runtimeValue: {constant: [ReadWriteOnce]}}, size: {runtimeValue: {constant: 5Mi}}, ` + inputs + `}}
` + tasks + `
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-step:
          nodeAffinity: [{matchExpressions: [{key: a, operator: Exists}]}]
          pvcMount: [{mountPath: /data, taskOutputParameter: {producerTask: create, outputParameterKey: name}}]
`
}

const (
	suffix = `pvc_name_suffix: {runtimeValue: {constant: -data}}`
	step   = `
      step:
        componentRef: {name: comp-step}
        dependentTasks: [create]`
	remove = `
      remove:
        componentRef: {name: comp-delete}
        dependentTasks: [step]
        inputs: {parameters: {pvc_name: {taskOutputParameter: {producerTask: create, outputParameterKey: name}}}}`
)

func TestVolumeIsMadeMountedAndDeleted(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.create(volumeSpec(suffix, step+remove), nil)
	name := w.workload("step")
	made := w.volumes.names()
	if len(made) != 1 || !strings.HasSuffix(made[0], "-data") {
		t.Fatalf("the volumes are %q", made)
	}
	workload, err := w.agent.GetWorkload(t.Context(), &gpuagentv1.GetWorkloadRequest{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	template := workload.GetSpec().GetGroups()[0].GetTemplate()
	if got := template.GetVolumes()[0].GetClaim(); got != made[0] || template.GetMounts()[0].GetPath() != "/data" {
		t.Errorf("the step mounts %q at %v", got, template.GetMounts())
	}
	status := succeeded(nil)
	status.Warnings = []string{"the runtime warns"}
	w.agent.end(name, status)
	run := w.archived(id)
	if got := task(t, run, "create").GetOutputParameters().AsMap()["name"]; got != made[0] {
		t.Errorf("the output is %v, want %q", got, made[0])
	}
	if got := w.volumes.names(); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	if got := task(t, run, "step").GetWarnings(); len(got) != 2 || !strings.Contains(got[0], "nodeAffinity was ignored") || got[1] != "the runtime warns" {
		t.Errorf("the warnings are %q", got)
	}
}

func TestVolumeMadeBeforeACrashIsTheTasksOwn(t *testing.T) {
	w := newWorld(t)
	w.start()
	id := w.create(volumeSpec(suffix, step), nil)
	name := w.workload("step")
	w.stop()
	tasks, _, err := w.state.Tasks.List(t.Context(), id+"/")
	if err != nil {
		t.Fatal(err)
	}
	for _, saved := range tasks { // as if nothing had been saved
		if err := w.state.Tasks.Delete(t.Context(), saved.Key, saved.Revision); err != nil {
			t.Fatal(err)
		}
	}
	w.start()
	w.agent.end(name, succeeded(nil))
	if run := w.archived(id); task(t, run, "create").GetDetail().GetState() != pipelinev1.RuntimeState_SUCCEEDED {
		t.Errorf("the tasks are %v", tasks)
	}
	if w.volumes.made != 1 {
		t.Errorf("made %d volumes", w.volumes.made)
	}
}

func TestVolumeOfAnotherIsNotTaken(t *testing.T) {
	deleting := ofPipeline("volumes")
	deleting.Status = &gpuagentv1.PersistentVolumeStatus{Deleting: true}
	named := `pvc_name: {runtimeValue: {constant: shared}}`
	for name, tt := range map[string]struct {
		there *gpuagentv1.PersistentVolume
		want  string
	}{
		"of nobody":         {ofPipeline(""), `a volume named "shared" exists already`},
		"being deleted":     {deleting, "being deleted"},
		"of this pipeline":  {ofPipeline("volumes"), ""},
		"of other pipeline": {ofPipeline("others"), "exists already"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.volumes.byName["shared"] = tt.there
			w.start()
			create := task(t, w.archived(w.create(volumeSpec(named, ""), nil)), "create")
			if state := create.GetDetail().GetState(); (state == pipelinev1.RuntimeState_SUCCEEDED) != (tt.want == "") || !strings.Contains(create.GetMessage(), tt.want) {
				t.Errorf("it ended %v: %s; want %q", state, create.GetMessage(), tt.want)
			}
		})
	}
}

// ofPipeline is a volume that a pipeline made, in another run.
func ofPipeline(name string) *gpuagentv1.PersistentVolume {
	return &gpuagentv1.PersistentVolume{Metadata: &metav1.ObjectMeta{
		Name: "shared", Annotations: map[string]string{"kfmesh.dev/pipeline": name}, Labels: map[string]string{"kfmesh.dev/task": "another"},
	}}
}
