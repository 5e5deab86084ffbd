package trainjob_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/rendezvous"
	"github.com/kfmesh/kfmesh/services/training/internal/trainjob"
)

// own is a runtime of a user, with everything that a test may want of one.
const own = `
apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainingRuntime
metadata: {name: own, labels: {trainer.kubeflow.org/framework: torch}}
spec:
  mlPolicy: {numNodes: 2, torch: {numProcPerNode: auto}}
  template:
    metadata: {labels: {team: a}}
    spec:
      failurePolicy: {maxRestarts: 1}
      replicatedJobs:
      - name: dataset-initializer
        template:
          metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: dataset-initializer}}
          spec:
            template:
              spec:
                volumes: [{name: initializer, emptyDir: {}}]
                containers: [{name: dataset-initializer, image: fetch, volumeMounts: [{name: initializer, mountPath: /workspace}], env: [{name: STORAGE_URI, value: "hf://a"}]}]
      - name: node
        dependsOn: [{name: dataset-initializer, status: Complete}]
        template:
          metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}
          spec:
            backoffLimit: 2
            template:
              spec:
                volumes: [{name: data, emptyDir: {}}]
                containers:
                - name: node
                  image: torch
                  command: [old]
                  args: [older]
                  env: [{name: A, value: runtime}, {name: B, value: runtime}]
`

// find finds the built-in runtimes, and own.
func find(t testing.TB) trainjob.Finder {
	t.Helper()
	stock := trainjob.Stock()
	data, err := yaml.YAMLToJSON([]byte(own))
	if err != nil {
		t.Fatal(err)
	}
	return func(ref trainjob.Ref) (string, error) {
		if ref == (trainjob.Ref{Kind: "TrainingRuntime", Namespace: "ns", Name: "own"}) {
			return string(data), nil
		}
		if r := stock[ref.Name]; r != nil && ref.Namespace == "" {
			return r.GetManifest(), nil
		}
		return "", fault.NotFoundf("no runtime %s", ref.Name)
	}
}

func parse(t testing.TB, spec string) (*trainjob.Job, error) {
	t.Helper()
	text := "apiVersion: trainer.kubeflow.org/v1alpha1\nkind: TrainJob\nmetadata: {name: j}\nspec:\n" + indent(spec)
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return trainjob.Parse(data, "ns", find(t))
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// groups says what a job comes down to, in a line a group.
func groups(j *trainjob.Job) string {
	var lines []string
	for _, g := range j.Spec().GetGroups() {
		lines = append(lines, fmt.Sprintf("%s x%d stage %d image %s gpus %d ancillary %t", g.GetName(), g.GetCount(), g.GetStage(), g.GetImage(), g.GetGpus(), g.GetAncillary()))
	}
	return strings.Join(lines, "\n")
}

func TestStock(t *testing.T) {
	stock := trainjob.Stock()
	want := "deepspeed-distributed jax-distributed mlx-distributed torch-distributed torch-distributed-with-cache " +
		"torchtune-llama3.2-1b torchtune-llama3.2-3b torchtune-qwen2.5-1.5b xgboost-distributed"
	if got := strings.Join(slices.Sorted(maps.Keys(stock)), " "); got != want {
		t.Errorf("built in are %s; want %s", got, want)
	}
	for name, r := range stock {
		if r.GetMetadata().GetLabels()[trainjob.LabelFramework] == "" || !r.GetBuiltIn() {
			t.Errorf("%s lacks the label of its framework, or is not built in", name)
		}
	}
}

func TestGroups(t *testing.T) {
	for name, c := range map[string]struct{ spec, groups, rendezvous string }{
		"torch": {
			"runtimeRef: {name: torch-distributed}\ntrainer: {numNodes: 3, image: mine}",
			"node x3 stage 0 image mine gpus 0 ancillary false", "torchrun",
		},
		"the runtime's nodes": {
			"runtimeRef: {name: own, kind: TrainingRuntime}",
			"node x2 stage 1 image torch gpus 0 ancillary false\ndataset-initializer x1 stage 0 image fetch gpus 0 ancillary false", "torchrun",
		},
		"mpi, whose launcher is a node": {
			"runtimeRef: {name: deepspeed-distributed}\ntrainer: {numNodes: 3, image: mine, resourcesPerNode: {limits: {nvidia.com/gpu: 2}}}",
			"launcher x1 stage 0 image mine gpus 2 ancillary false\nnode x2 stage 0 image mine gpus 2 ancillary true", "mpi",
		},
		"jax": {
			"runtimeRef: {name: jax-distributed}",
			"node x1 stage 0 image nvcr.io/nvidia/jax gpus 0 ancillary false", "jax-trainer",
		},
		"torchtune": {
			"runtimeRef: {name: torchtune-llama3.2-1b}\ntrainer: {command: [tune, run], image: i}",
			"node x1 stage 1 image i gpus 2 ancillary false\n" +
				"dataset-initializer x1 stage 0 image ghcr.io/kubeflow/trainer/dataset-initializer gpus 0 ancillary false\n" +
				"model-initializer x1 stage 0 image ghcr.io/kubeflow/trainer/model-initializer gpus 0 ancillary false", "torchrun",
		},
	} {
		t.Run(name, func(t *testing.T) {
			j, err := parse(t, c.spec)
			if err != nil {
				t.Fatal(err)
			}
			if got := groups(j); got != c.groups {
				t.Errorf("got\n%s\nwant\n%s", got, c.groups)
			}
			if got := j.Spec().GetRendezvous(); got != c.rendezvous {
				t.Errorf("they meet by %q; want %q", got, c.rendezvous)
			}
		})
	}
}

func TestWhatIsWrong(t *testing.T) {
	const ref = "runtimeRef: {name: torch-distributed}\n"
	for name, c := range map[string]struct{ spec, field, reason string }{
		"no runtime":            {"suspend: true", "spec.runtimeRef.name", "Required value"},
		"unknown runtime":       {"runtimeRef: {name: nothing}", "spec.runtimeRef", "must be created before the TrainJob is created"},
		"flux":                  {"runtimeRef: {name: flux-distributed}", "spec.runtimeRef", "kfmesh has no Flux"},
		"kind of runtime":       {"runtimeRef: {name: a, kind: Pod}", "spec.runtimeRef.kind", "Unsupported value"},
		"group of runtime":      {"runtimeRef: {name: a, apiGroup: apps}", "spec.runtimeRef.apiGroup", "Unsupported value"},
		"of a wrong type":       {ref + "trainer: {numNodes: many}", "spec.trainer.numNodes", "must be of type integer"},
		"no nodes":              {ref + "trainer: {numNodes: 0}", "spec.trainer.numNodes", "must be between 1 and"},
		"reserved":              {ref + "trainer: {env: [{name: A}, {name: PET_NNODES, value: x}]}", "spec.trainer.env[1]", "must not have reserved envs"},
		"twice":                 {ref + "trainer: {env: [{name: A}, {name: A}]}", "spec.trainer.env[1]", "Duplicate value"},
		"processes":             {ref + "trainer: {numProcPerNode: lots}", "spec.trainer.numProcPerNode", "must have an int value or [auto cpu gpu]"},
		"processes of mpi":      {"runtimeRef: {name: mlx-distributed}\ntrainer: {numProcPerNode: auto}", "spec.trainer.numProcPerNode", "must have an int value"},
		"dataset":               {ref + "initializer: {dataset: {storageUri: 'hf://a'}}", "spec.runtimeRef", "must have dataset-initializer job"},
		"uri":                   {ref + "initializer: {model: {storageUri: nowhere}}", "spec.initializer.model.storageUri", "should be a URI"},
		"manager of the job":    {ref + "managedBy: me", "spec.managedBy", "ManagedBy must be"},
		"deadline":              {ref + "activeDeadlineSeconds: 0", "spec.activeDeadlineSeconds", "greater than or equal to 1"},
		"target":                {ref + "podTemplateOverrides: [{targetJobs: [{name: ps}]}]", "spec.podTemplateOverrides[0]", "must not have targetJob"},
		"container":             {ref + "podSpecOverrides: [{targetJobs: [{name: node}], containers: [{name: x}]}]", "spec.podSpecOverrides[0].containers[0].name", "must not have container"},
		"env of node":           {ref + "podSpecOverrides: [{targetJobs: [{name: node}], containers: [{name: node, env: [{name: A}]}]}]", "spec.podSpecOverrides[0].containers[0].env", "must not have envs"},
		"manager of a patch":    {ref + "runtimePatches: [{}]", "spec.runtimePatches[0].manager", "Required value"},
		"model":                 {ref + "trainer: {command: [tune, run]}", "spec.runtimeRef.name", "supported pretrained model"},
		"nodes of a model":      {"runtimeRef: {name: torchtune-llama3.2-1b}\ntrainer: {command: [tune, run], numNodes: 2}", "spec.trainer.numNodes", "must be 1"},
		"recipe of qwen":        {"runtimeRef: {name: torchtune-qwen2.5-1.5b}\ntrainer: {command: [tune, run], args: [model.quantize_base=True]}", "spec.runtimeRef.name", "QLoRA is not supported"},
		"recipe on two GPUs":    {"runtimeRef: {name: torchtune-llama3.2-1b}\ntrainer: {command: [tune, run], args: [model.quantize_base=True], resourcesPerNode: {limits: {nvidia.com/gpu: 2}}}", "spec.trainer.resourcesPerNode", "must have gpu resource with value 1"},
		"what a runtime fixes":  {"runtimeRef: {name: torchtune-llama3.2-1b}\ntrainer: {command: [tune, run], args: [output_dir=/a]}", "spec.trainer.args[0]", "must not set"},
		"variable of MPI":       {"runtimeRef: {name: mlx-distributed}\ntrainer: {env: [{name: OMPI_MCA_plm_rsh_args}]}", "spec.trainer.env[0]", "reserved"},
		"no domain":             {ref + "runtimePatches: [{manager: me}]", "spec.runtimePatches[0].manager", "must be a domain-prefixed path"},
		"two of a manager":      {ref + "runtimePatches: [{manager: a.io/b}, {manager: a.io/b}]", "spec.runtimePatches[1]", "Duplicate value"},
		"patch of nothing":      {ref + "runtimePatches: [{manager: a.io/b, trainingRuntimeSpec: {template: {spec: {replicatedJobs: [{name: ''}]}}}}]", "spec.runtimePatches[0].trainingRuntimeSpec.template.spec.replicatedJobs[0].name", "Required value"},
		"label of a patch":      {ref + "runtimePatches: [{manager: a.io/b, trainingRuntimeSpec: {template: {metadata: {labels: {a: b c}}}}}]", "spec.runtimePatches[0].trainingRuntimeSpec.template.metadata.labels", "a valid label must"},
		"init container":        {ref + "podTemplateOverrides: [{targetJobs: [{name: node}], spec: {initContainers: [{name: x}]}}]", "spec.podTemplateOverrides[0].spec.initContainers[0].name", "must not have initContainer"},
		"long image":            {ref + "trainer: {image: " + strings.Repeat("a", 501) + "}", "spec.trainer.image", "may not be more than 500 bytes"},
		"name of a variable":    {ref + "trainer: {env: [{name: 'a=b'}]}", "spec.trainer.env[0].name", "must"},
		"quantity":              {ref + "trainer: {resourcesPerNode: {limits: {cpu: x}}}", "spec.trainer.resourcesPerNode.limits[cpu]", "quantities must match"},
		"variable of DMLC":      {"runtimeRef: {name: xgboost-distributed}\ntrainer: {env: [{name: DMLC_TASK_ID}]}", "spec.trainer.env[0]", "reserved"},
		"spec is not an object": {"runtimeRef: torch-distributed", "spec.runtimeRef", "must be of type object"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := parse(t, c.spec)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok {
				t.Fatalf("got %v, want a fault", err)
			}
			for _, v := range e.Violations {
				if v.Field == c.field && strings.Contains(v.Reason, c.reason) {
					return
				}
			}
			t.Errorf("got %v; want %s: %s", e.Violations, c.field, c.reason)
		})
	}
}

// TestInjection: containers that a policy names are told what nodes are told.
func TestInjection(t *testing.T) {
	text := strings.Replace(own, "torch: {numProcPerNode: auto}", "torch: {envInjection: {targets: [{jobName: dataset-initializer, containerNames: [dataset-initializer]}]}}", 1)
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := trainjob.ParseRuntime(data, "ns"); err != nil {
		t.Fatal(err)
	}
	const job = `{"apiVersion": "trainer.kubeflow.org/v1alpha1", "kind": "TrainJob", "metadata": {"name": "j"}, "spec": {"runtimeRef": {"name": "own", "kind": "TrainingRuntime"}, "trainer": {}}}`
	j, err := trainjob.Parse([]byte(job), "ns", trainjob.Kept(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	w := rendezvous.Of(j.Job, j.Group("dataset-initializer"), 1)
	if !slices.Equal(w.To, []string{"dataset-initializer"}) || len(w.Env) != 5 {
		t.Errorf("%q are told %v", w.To, w.Env)
	}
	none := strings.Replace(string(data), `"containerNames":["dataset-initializer"]`, `"containerNames":["other"]`, 1)
	if _, err := trainjob.Parse([]byte(job), "ns", trainjob.Kept(none)); err == nil || !strings.Contains(err.Error(), "not found in runtime template") {
		t.Errorf("got %v for a container that is not there", err)
	}
}

// TestSecretOfAnInitializer: its keys are variables.
func TestSecretOfAnInitializer(t *testing.T) {
	j, err := parse(t, "runtimeRef: {name: torchtune-llama3.2-1b}\ninitializer: {model: {storageUri: 'hf://a', secretRef: {name: token}}}")
	if err != nil {
		t.Fatal(err)
	}
	from := j.Group("model-initializer").Template.Spec.Containers[0].EnvFrom
	if len(from) != 1 || from[0].Secret == nil || from[0].Secret.Name != "token" || len(j.Warnings) != 0 {
		t.Errorf("the initializer's variables come from %v; warnings %q", from, j.Warnings)
	}
}

func TestTrainerOverRuntime(t *testing.T) {
	j, err := parse(t, `
runtimeRef: {name: own, kind: TrainingRuntime}
trainer: {command: [new], env: [{name: B, value: job}, {name: C, value: job}], resourcesPerNode: {limits: {cpu: 4}}}
initializer: {dataset: {storageUri: "hf://b", env: [{name: X, value: "1"}]}}
labels: {owner: me}
nonsense: 1
runtimePatches:
- manager: a.io/b
  trainingRuntimeSpec:
    template:
      spec:
        replicatedJobs:
        - name: node
          template: {spec: {template: {metadata: {labels: {p: "1"}}, spec: {nodeSelector: {disk: ssd}, volumes: [{name: more, emptyDir: {}}]}}}}
`)
	if err != nil {
		t.Fatal(err)
	}
	node := j.Group("node")
	c := node.Container(j.Kind)
	var env []string
	for _, e := range c.Env {
		env = append(env, e.Name+"="+e.Value)
	}
	for what, got := range map[string][2]string{
		"command":     {fmt.Sprint(c.Command, c.Args), "[new] []"},
		"environment": {strings.Join(env, " "), "A=runtime B=job C=job"},
		"labels":      {fmt.Sprint(node.Template.Metadata.Labels), "map[owner:me p:1 team:a trainer.kubeflow.org/trainjob-ancestor-step:trainer]"},
		"selector":    {fmt.Sprint(node.Template.Spec.NodeSelector), "map[disk:ssd]"},
		"volumes":     {fmt.Sprint(len(node.Template.Spec.Volumes)), "2"},
		"processes":   {j.Trainer.ProcessesPerNode, "4"},
		"backoff":     {fmt.Sprint(j.Spec().GetRunPolicy().GetBackoffLimit()), "5"},
		"dataset":     {fmt.Sprint(j.Group("dataset-initializer").Container(j.Kind).Env[0].Value), "hf://b"},
		"warnings":    {fmt.Sprint(j.Warnings), `[unknown field "spec.nonsense"]`},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: got %s, want %s", what, got[0], got[1])
		}
	}
}

func TestThreeSpellingsOfAPatch(t *testing.T) {
	const ref = "runtimeRef: {name: torch-distributed}\n"
	for name, spelt := range map[string]string{
		"2.0": "podSpecOverrides: [{targetJobs: [{name: node}], nodeSelector: {disk: ssd}}]",
		"2.1": "podTemplateOverrides: [{targetJobs: [{name: node}], spec: {nodeSelector: {disk: ssd}}}]",
		"2.2": "runtimePatches: [{manager: a.io/b, trainingRuntimeSpec: {template: {spec: {replicatedJobs: [" +
			"{name: node, template: {spec: {template: {spec: {nodeSelector: {disk: ssd}}}}}}]}}}}]",
	} {
		j, err := parse(t, ref+spelt)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := j.Group("node").Template.Spec.NodeSelector["disk"]; got != "ssd" || len(j.Warnings) > 0 {
			t.Errorf("%s: the selector is %q, warnings are %v", name, got, j.Warnings)
		}
	}
}

func TestRuntimes(t *testing.T) {
	const head = "apiVersion: trainer.kubeflow.org/v1alpha1\nkind: ClusterTrainingRuntime\nmetadata: {name: r}\nspec:\n"
	const node = "  template: {spec: {replicatedJobs: [{name: node, template: {metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}, " +
		"spec: {template: {spec: {containers: [{name: node, image: a}]}}}}}]}}\n"
	for name, c := range map[string]struct{ text, field, reason string }{
		"good":      {head + node, "", ""},
		"flux":      {head + "  mlPolicy: {flux: {}}\n" + node, "spec.mlPolicy.flux", "kfmesh has no Flux"},
		"two":       {head + "  mlPolicy: {torch: {}, mpi: {}}\n" + node, "spec.mlPolicy", "Only one of the policy"},
		"mpi":       {head + "  mlPolicy: {mpi: {mpiImplementation: Intel}}\n" + node, "spec.mlPolicy.mpi.mpiImplementation", "Unsupported value"},
		"empty":     {head + "  mlPolicy: {torch: {}}\n", "spec.template.spec.replicatedJobs", "Required value"},
		"replicas":  {head + strings.Replace(node, "name: node,", "name: node, replicas: 2,", 1), "spec.template.spec.replicatedJobs[0].replicas", "always must be 1"},
		"container": {head + strings.Replace(node, "{name: node, image", "{name: other, image", 1), "spec.template.spec.replicatedJobs[0].template.spec.template.spec.containers", "must contain the required container"},
		"no label":  {head + strings.Replace(node, "metadata: {labels: {trainer.kubeflow.org/trainjob-ancestor-step: trainer}}, ", "", 1), "", ""},
		"no step":   {head + strings.Replace(node, "ancestor-step: trainer", "ancestor-step: other", 1), "", ""},
		"no hosts":  {head + "  mlPolicy: {mpi: {}}\n" + strings.Replace(node, "ancestor-step: trainer", "ancestor-step: other", 1), "spec.template.spec.replicatedJobs", "must have a job with the label"},
		"depends":   {head + strings.Replace(node, "name: node,", "name: node, dependsOn: [{name: x, status: Complete}],", 1), "spec.template.spec.replicatedJobs[0].dependsOn[0].name", "before it"},
	} {
		data, err := yaml.YAMLToJSON([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		_, err = trainjob.ParseRuntime(data, "")
		if c.field == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || len(e.Violations) == 0 || !slices.ContainsFunc(e.Violations, func(v fault.Violation) bool {
			return v.Field == c.field && strings.Contains(v.Reason, c.reason)
		}) {
			t.Errorf("%s: got %v, want %s: %s", name, err, c.field, c.reason)
		}
	}
}

func TestChange(t *testing.T) {
	base := `{"spec":{"suspend":%t,"trainer":{"numNodes":%d},"runtimePatches":[{"manager":"%s"}]}}`
	for _, c := range []struct {
		from, to string
		fine     bool
	}{
		{fmt.Sprintf(base, false, 1, "a"), fmt.Sprintf(base, true, 1, "a"), true},
		{fmt.Sprintf(base, false, 1, "a"), fmt.Sprintf(base, false, 2, "a"), false},
		{fmt.Sprintf(base, false, 1, "a"), fmt.Sprintf(base, false, 1, "b"), false},
		{fmt.Sprintf(base, true, 1, "a"), fmt.Sprintf(base, false, 1, "b"), true},
	} {
		if err := trainjob.CheckChange(c.from, c.to); (err == nil) != c.fine {
			t.Errorf("from %s to %s: %v", c.from, c.to, err)
		}
	}
}

func TestRuntimeChange(t *testing.T) {
	const base = `{"spec":{"template":{"spec":{"failurePolicy":{"maxRestarts":1},"replicatedJobs":[{"name":"a"},{"name":"b","dependsOn":[{"name":"a","status":"Ready"}]}]}}}}`
	for to, want := range map[string]string{
		base: "",
		strings.Replace(base, `"maxRestarts":1`, `"maxRestarts":2`, 1):                                    "spec.template.spec.failurePolicy",
		strings.Replace(base, `"failurePolicy":{"maxRestarts":1},`, "", 1):                                "",
		strings.Replace(base, `"Ready"`, `"Complete"`, 1):                                                 "spec.template.spec.replicatedJobs[1].dependsOn",
		strings.Replace(base, `{"name":"a"},`, `{"name":"c"},{"name":"a"},`, 1):                           "",
		strings.Replace(base, `"failurePolicy"`, `"successPolicy":{"operator":"Any"},"failurePolicy"`, 1): "",
	} {
		err := trainjob.CheckRuntimeChange(base, to)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want+": Invalid value") {
			t.Errorf("to %s: %v, want %q", to, err, want)
		}
	}
}

// FuzzParse reads any JSON as a TrainJob and as a runtime: it is read, or it is refused in
// words. What was read once reads the same again.
func FuzzParse(f *testing.F) {
	for _, r := range trainjob.Stock() {
		f.Add([]byte(r.GetManifest()))
	}
	f.Add([]byte(`{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"TrainJob","metadata":{"name":"j"},"spec":{"runtimeRef":{"name":"own","kind":"TrainingRuntime"},` +
		`"trainer":{"numNodes":2,"command":["a"],"env":[{"name":"A","value":"b"}]},"podSpecOverrides":[{"targetJobs":[{"name":"node"}],"volumes":[null,{"name":"a"}]}],` +
		`"podTemplateOverrides":[{"spec":{"tolerations":[1]}}],"runtimePatches":[{"manager":"m","trainingRuntimeSpec":{"template":{"spec":{"replicatedJobs":[{"name":"node"}]}}}}]}}`))
	found := find(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := trainjob.ParseRuntime(data, "ns"); err == nil {
			job := fmt.Sprintf(`{"metadata":{"name":"j"},"spec":{"runtimeRef":{"name":"r","kind":%q},"trainer":{"numNodes":2}}}`, r.Ref.Kind)
			_, _ = trainjob.Parse([]byte(job), "ns", trainjob.Kept(r.Manifest))
		}
		j, err := trainjob.Parse(data, "ns", found)
		if err != nil {
			return
		}
		again, err := trainjob.Parse([]byte(j.Manifest), "ns", found)
		if err != nil || again.Manifest != j.Manifest || !json.Valid([]byte(j.Manifest)) {
			t.Fatalf("what was read does not read again: %v\n%s", err, j.Manifest)
		}
	})
}

// TestARuntimeWithoutLabels has the job named node train, as guides of Kubeflow's have it.
func TestARuntimeWithoutLabels(t *testing.T) {
	const runtime = `{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"ClusterTrainingRuntime","metadata":{"name":"r"},"spec":{"mlPolicy":{"numNodes":1,"torch":{}},` +
		`"template":{"spec":{"replicatedJobs":[{"name":"node","template":{"spec":{"template":{"spec":{"containers":[{"name":"node","image":"a"}]}}}}}]}}}}`
	if r, err := trainjob.ParseRuntime([]byte(runtime), ""); err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "is taken for the one that trains") {
		t.Fatalf("%v, %v", r, err)
	}
	job := `{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"TrainJob","metadata":{"name":"j"},"spec":{"runtimeRef":{"name":"r"},"trainer":{"numNodes":3,"image":"mine","command":["train"]}}}`
	j, err := trainjob.Parse([]byte(job), "ns", trainjob.Kept(runtime))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := groups(j), "node x3 stage 0 image mine gpus 0 ancillary false"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w := rendezvous.Of(j.Job, j.Group("node"), 1); len(w.Env) != 5 {
		t.Errorf("its nodes are told %v", w.Env)
	}
}

// TestARuntimeWithoutAnyTrainer runs its jobs as they are, as upstream.
func TestARuntimeWithoutAnyTrainer(t *testing.T) {
	const runtime = `{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"ClusterTrainingRuntime","metadata":{"name":"r"},"spec":{"mlPolicy":{"numNodes":2,"torch":{}},` +
		`"template":{"spec":{"replicatedJobs":[{"name":"fit","template":{"spec":{"parallelism":2,"template":{"spec":{"containers":[{"name":"any","image":"a","command":["own"]}]}}}}}]}}}}`
	if r, err := trainjob.ParseRuntime([]byte(runtime), ""); err != nil || len(r.Warnings) != 1 || !strings.Contains(r.Warnings[0], "they run as they are") {
		t.Fatalf("%v, %v", r, err)
	}
	job := `{"apiVersion":"trainer.kubeflow.org/v1alpha1","kind":"TrainJob","metadata":{"name":"j"},"spec":{"runtimeRef":{"name":"r"},"trainer":{"image":"mine","command":["train"]}}}`
	j, err := trainjob.Parse([]byte(job), "ns", trainjob.Kept(runtime))
	if err != nil {
		t.Fatal(err)
	}
	fit := j.Group("fit")
	if c := fit.Container(j.Kind); fit.Count != 2 || c.Image != "a" || !slices.Equal(c.Command, []string{"own"}) {
		t.Errorf("%d run %s %q", fit.Count, c.Image, c.Command)
	}
	if w := rendezvous.Of(j.Job, fit, 1); len(w.Env) != 0 || len(j.Warnings) != 1 {
		t.Errorf("they are told %v; warnings %q", w.Env, j.Warnings)
	}
}
