package launch

import (
	"reflect"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// volumeRequest is a request to make or delete a volume.
func volumeRequest(image string, parameters map[string]any) Request {
	defs := map[string]ir.ParameterDef{}
	for name := range parameters {
		defs[name] = ir.ParameterDef{ParameterType: ir.Struct, IsOptional: true}
		switch parameters[name].(type) {
		case string:
			defs[name] = ir.ParameterDef{ParameterType: ir.String}
		case []any:
			defs[name] = ir.ParameterDef{ParameterType: ir.List}
		}
	}
	return Request{
		Spec: &ir.Spec{
			Components:     map[string]ir.Component{"comp": {ExecutorLabel: "exec", InputDefinitions: ir.Definitions{Parameters: defs}}},
			DeploymentSpec: ir.DeploymentSpec{Executors: map[string]ir.Executor{"exec": {Container: &ir.Container{Image: image}}}},
		},
		Component: "comp",
		Run:       Run{ID: "r1", Namespace: "team", PipelineName: "p"},
		Task:      Task{ID: "t1", Name: "make"},
		Inputs:    ir.Values{Parameters: parameters},
	}
}

func TestBuildVolume(t *testing.T) {
	for name, tt := range map[string]struct {
		parameters map[string]any
		want       string
	}{
		"a name of its own": {
			map[string]any{"size": "5Mi", "access_modes": []any{"ReadWriteOnce"}, "pvc_name_suffix": "-x", "storage_class_name": "fast", "volume_name": ""},
			`{"metadata": {"namespace": "team", "name": "t1-x"}, "spec": {"sizeBytes": "5242880", "accessModes": ["ReadWriteOnce"], "storageClass": "fast"}}`,
		},
		"no suffix": {map[string]any{"size": "1"}, `{"metadata": {"namespace": "team", "name": "t1"}, "spec": {"sizeBytes": "1"}}`},
		"a name": {
			map[string]any{"size": "{{$.inputs.parameters['unit']}}", "unit": "2Ki", "pvc_name": "mine", "annotations": map[string]any{"a": "b", "n": 1.0}},
			`{"metadata": {"namespace": "team", "name": "mine", "annotations": {"a": "b", "n": "1"}}, "spec": {"sizeBytes": "2048"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			task, err := BuildVolume(volumeRequest(createVolume, tt.parameters))
			if err != nil {
				t.Fatal(err)
			}
			want := &gpuagentv1.PersistentVolume{}
			if err := protojson.Unmarshal([]byte(tt.want), want); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(task.Create, want) {
				t.Errorf("asks for %v, want %v", task.Create, want)
			}
			if got := task.Outputs().Parameters; !reflect.DeepEqual(got, map[string]any{"name": want.GetMetadata().GetName()}) {
				t.Errorf("the outputs are %v", got)
			}
		})
	}
}

func TestBuildVolumeDeletes(t *testing.T) {
	task, err := BuildVolume(volumeRequest(deleteVolume, map[string]any{"pvc_name": "gone"}))
	if err != nil || task.Create != nil || task.Delete != "gone" || task.Outputs().Parameters != nil {
		t.Errorf("got %+v, %v", task, err)
	}
}

func TestBuildVolumeRefuses(t *testing.T) {
	for want, req := range map[string]Request{
		`"pvc_name" is empty`:           volumeRequest(deleteVolume, map[string]any{"pvc_name": ""}),
		`"pvc_name_suffix" was given`:   volumeRequest(createVolume, map[string]any{"size": "1", "pvc_name": "a", "pvc_name_suffix": "b"}),
		`size: "large" is not`:          volumeRequest(createVolume, map[string]any{"size": "large"}),
		`"data_source" asks for a copy`: volumeRequest(createVolume, map[string]any{"size": "1", "data_source": map[string]any{"kind": "x"}}),
		`"volume_name" names a volume`:  volumeRequest(createVolume, map[string]any{"size": "1", "volume_name": "pv"}),
	} {
		if _, err := BuildVolume(req); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a refusal with %s", err, want)
		}
	}
}

func TestMakesVolume(t *testing.T) {
	for image, want := range map[string]bool{createVolume: true, deleteVolume: true, "argostub/other": false, "": false} {
		if got := MakesVolume(&ir.Executor{Container: &ir.Container{Image: image}}); got != want {
			t.Errorf("%q: %v", image, got)
		}
	}
	if MakesVolume(&ir.Executor{Importer: &ir.Importer{}}) {
		t.Error("an importer makes none")
	}
}
