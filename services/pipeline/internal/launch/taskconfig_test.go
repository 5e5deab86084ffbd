package launch

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// configured is a component that is told its configuration; what is in passes
// names the parts.
func configured(t *testing.T, passes string) Request {
	t.Helper()
	spec, err := ir.Parse([]byte(`
pipelineInfo: {name: p}
schemaVersion: 2.1.0
components:
  comp-step:
    executorLabel: exec-step
    inputDefinitions: {parameters: {config: {parameterType: TASK_CONFIG, isOptional: true}}}
    taskConfigPassthroughs: [` + passes + `]
deploymentSpec:
  executors:
    exec-step:
      container:
        image: img
        command: ["{{$.inputs.parameters['config']}}"]
        env: [{name: WHO, value: me}]
        resources: {resourceCpuRequest: "1", resourceMemoryLimit: 2Gi, accelerator: {resourceType: nvidia.com/gpu, resourceCount: "1"}}
---
platforms:
  kubernetes:
    deploymentSpec:
      executors:
        exec-step:
          nodeSelector: {labels: {disk: ssd}}
          tolerations: [{key: a, operator: Exists, tolerationSeconds: 3}, {tolerationJson: {runtimeValue: {constant: [{key: b}]}}}]
          nodeAffinity: [{matchExpressions: [{key: z, operator: Exists}]}, {weight: 2, matchFields: [{key: f}]}]
          secretAsEnv: [{secretName: s, keyToEnv: [{secretKey: k, envVar: V}]}]
          pvcMount: [{constant: claim, mountPath: /data, subPath: x}]
          emptyDirMounts: [{mountPath: /scratch}]
`))
	if err != nil {
		t.Fatal(err)
	}
	pod, err := spec.Pod("exec-step").Bind(func(in ir.ParameterInput) (any, error) { return in.Value(), nil })
	if err != nil {
		t.Fatal(err)
	}
	return Request{Spec: spec, Component: "comp-step", Pod: pod, Layout: Layout{TaskDir: "/t"}}
}

func TestTaskConfigTells(t *testing.T) {
	for passes, want := range map[string]string{
		"{field: RESOURCES}":                `{"resources": {"requests": {"cpu": "1"}, "limits": {"memory": "2Gi", "nvidia.com/gpu": "1"}}}`,
		"{field: ENV}":                      `{"env": [{"name": "WHO", "value": "me"}, {"name": "V", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": false}}}]}`,
		"{field: KUBERNETES_NODE_SELECTOR}": `{"nodeSelector": {"disk": "ssd"}}`,
		"{field: KUBERNETES_TOLERATIONS}":   `{"tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 3}, {"key": "b"}]}`,
		"{field: KUBERNETES_AFFINITY}": `{"affinity": {"nodeAffinity": {
			"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "z", "operator": "Exists"}]}]},
			"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 2, "preference": {"matchFields": [{"key": "f"}]}}]}}}`,
		"{field: KUBERNETES_VOLUMES}": `{"volumes": [{"name": "claim-0", "persistentVolumeClaim": {"claimName": "claim"}}],
			"volumeMounts": [{"name": "claim-0", "mountPath": "/data", "subPath": "x"}]}`,
	} {
		l, err := Build(configured(t, passes))
		if err != nil {
			t.Fatal(err)
		}
		var got, wanted any
		if json.Unmarshal([]byte(l.Command[0]), &got) != nil || json.Unmarshal([]byte(want), &wanted) != nil {
			t.Fatalf("%s: no JSON in %q or %q", passes, l.Command[0], want)
		}
		if !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: told %s, want %s", passes, l.Command[0], want)
		}
	}
}

func TestTaskConfigSparesTheTask(t *testing.T) {
	const all = "{field: RESOURCES}, {field: ENV}, {field: KUBERNETES_NODE_SELECTOR}, {field: KUBERNETES_VOLUMES}"
	l, err := Build(configured(t, all))
	if err != nil {
		t.Fatal(err)
	}
	if l.Resources != (Resources{}) || len(l.Env)+len(l.Pod.Env)+len(l.Pod.NodeSelector) != 0 {
		t.Errorf("the task keeps %+v, %v, %v, %v", l.Resources, l.Env, l.Pod.Env, l.Pod.NodeSelector)
	}
	if len(l.Pod.Volumes) != 1 || len(l.Pod.Mounts) != 1 || l.Pod.Mounts[0].GetPath() != "/scratch" {
		t.Errorf("the task mounts %v", l.Pod.Mounts)
	}
	l, err = Build(configured(t, "{field: RESOURCES, applyToTask: true}"))
	if err != nil || l.Resources.CPUMilli != 1000 || l.Resources.GPUs != 1 {
		t.Errorf("resources that apply to the task are %+v, %v", l.Resources, err)
	}
}
