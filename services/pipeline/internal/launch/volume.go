package launch

import (
	"maps"
	"slices"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// The images by which the SDK's CreatePVC and DeletePVC name what they do. No
// container of theirs runs; whoever drives the run does it.
const (
	createVolume = "argostub/createpvc"
	deleteVolume = "argostub/deletepvc"
)

// volumeName is the output parameter of CreatePVC.
const volumeName = "name"

// MakesVolume reports whether an executor stands for making or removing a
// persistent volume.
func MakesVolume(e *ir.Executor) bool {
	return e.Container != nil && (e.Container.Image == createVolume || e.Container.Image == deleteVolume)
}

// VolumeTask is a task that makes or removes a persistent volume.
type VolumeTask struct {
	Create *gpuagentv1.PersistentVolume // nil for a task that removes
	Delete string                       // name; empty for a task that makes
	Inputs ir.Values                    // as in Launch
}

// Outputs are the outputs of a task that did what it is for.
func (t *VolumeTask) Outputs() ir.Values {
	if t.Create == nil {
		return ir.Values{}
	}
	return ir.Values{Parameters: map[string]any{volumeName: t.Create.GetMetadata().GetName()}}
}

// BuildVolume makes the volume task of a request whose executor MakesVolume.
// The name of a volume that has none of its own follows from the task's id, so
// that whoever makes it twice finds what was made before.
func BuildVolume(req Request) (*VolumeTask, error) {
	c, executor, err := req.component()
	if err != nil {
		return nil, err
	}
	inputs, err := req.inputs(c)
	if err != nil {
		return nil, err
	}
	in := volumeInputs(inputs.Parameters)
	if executor.Container.Image == deleteVolume {
		name, err := in.text("pvc_name")
		if err == nil && name == "" {
			err = in.refuse("pvc_name", "is empty; it must name the volume to delete")
		}
		return &VolumeTask{Delete: name, Inputs: inputs}, err
	}
	created, err := in.volume(req)
	return &VolumeTask{Create: created, Inputs: inputs}, err
}

// volumeInputs are the input parameters of CreatePVC or DeletePVC.
type volumeInputs map[string]any

func (in volumeInputs) refuse(name, reason string) error {
	return fault.New(fault.Invalid, "the input parameter %q %s", name, reason)
}

func (in volumeInputs) text(name string) (string, error) {
	switch v := in[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	default:
		return "", in.refuse(name, "is "+describe(v)+"; it must be text")
	}
}

// volume reads what CreatePVC asks for.
func (in volumeInputs) volume(req Request) (*gpuagentv1.PersistentVolume, error) {
	for name, why := range map[string]string{
		"volume_name": "names a volume of a cluster that exists already; kfmesh makes empty volumes, so leave it out",
		"data_source": "asks for a copy of another volume; kfmesh makes empty volumes, so leave it out and copy in a task",
	} {
		if given := in[name]; given != nil && given != "" {
			return nil, in.refuse(name, why)
		}
	}
	name, err := in.name(req.Task.ID)
	if err != nil {
		return nil, err
	}
	v := &gpuagentv1.PersistentVolume{
		Metadata: &metav1.ObjectMeta{Namespace: req.Run.Namespace, Name: name},
		Spec:     &gpuagentv1.PersistentVolumeSpec{},
	}
	size, err := in.text("size")
	if err != nil {
		return nil, err
	}
	if v.Spec.SizeBytes, err = quantity("size", size, 1); err != nil {
		return nil, err
	}
	if v.Spec.StorageClass, err = in.text("storage_class_name"); err != nil {
		return nil, err
	}
	modes, _ := in["access_modes"].([]any)
	for _, mode := range modes {
		text, err := placeholder.Text(mode)
		if err != nil {
			return nil, err
		}
		v.Spec.AccessModes = append(v.Spec.AccessModes, text)
	}
	v.Metadata.Annotations, err = in.annotations()
	return v, err
}

// name is the name of the volume: the one given, or one of its own with the
// suffix given.
func (in volumeInputs) name(own string) (string, error) {
	name, err := in.text("pvc_name")
	if err != nil {
		return "", err
	}
	suffix, err := in.text("pvc_name_suffix")
	switch {
	case err != nil:
		return "", err
	case name != "" && suffix != "":
		return "", in.refuse("pvc_name_suffix", "was given beside pvc_name; give one of them")
	case name != "":
		return name, nil
	}
	return own + suffix, nil
}

func (in volumeInputs) annotations() (map[string]string, error) {
	given, _ := in["annotations"].(map[string]any)
	annotations := make(map[string]string, len(given))
	for _, key := range slices.Sorted(maps.Keys(given)) {
		text, err := placeholder.Text(given[key])
		if err != nil {
			return nil, err
		}
		annotations[key] = text
	}
	return annotations, nil
}
