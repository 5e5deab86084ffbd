package kind_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
)

// manifest makes a manifest of replica specs in YAML flow, such as
// "Worker: {replicas: 2}", each with a container of the name, and further fields of spec.
func manifest(version, name, field, container string, replicas []string, more ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "apiVersion: %s\nkind: %s\nmetadata: {name: job}\nspec:\n  %s:\n", version, name, field)
	for _, r := range replicas {
		t, fields, _ := strings.Cut(r, ":")
		fmt.Fprintf(&b, "    %s:\n      template: {spec: {containers: [{name: %s, image: i, command: [c]}]}}\n", t, container)
		for _, f := range strings.Fields(fields) {
			k, v, _ := strings.Cut(f, "=")
			fmt.Fprintf(&b, "      %s: %s\n", k, v)
		}
	}
	for _, m := range more {
		b.WriteString("  " + m + "\n")
	}
	return b.String()
}

func parse(t *testing.T, text string) (*kind.Job, error) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return kind.Parse(data)
}

const v1 = "kubeflow.org/v1"

func pytorch(replicas []string, more ...string) string {
	return manifest(v1, "PyTorchJob", "pytorchReplicaSpecs", "pytorch", replicas, more...)
}

func tf(replicas []string, more ...string) string {
	return manifest(v1, "TFJob", "tfReplicaSpecs", "tensorflow", replicas, more...)
}

func mpi(version string, replicas []string, more ...string) string {
	return manifest(version, "MPIJob", "mpiReplicaSpecs", "any", replicas, more...)
}

// TestSpec says what manifests come down to: groups, their counts and policies, and
// what has the job succeed.
func TestSpec(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, manifest, want string }{
		{"pytorch", pytorch([]string{"Worker: replicas=3 restartPolicy=Never", "Master:"}), "master 1 ON_FAILURE, worker 3 NEVER; ALL of master"},
		{"pytorch without a master", pytorch([]string{"worker: replicas=2"}), "worker 2 ON_FAILURE; ALL of worker"},
		{"elastic", pytorch([]string{"Worker: replicas=2"}, "elasticPolicy: {maxReplicas: 3, minReplicas: 1}"), "worker 2 ON_FAILURE independent; ANY of worker"},
		{"tf with a chief", tf([]string{"PS:", "Chief:", "worker: replicas=2 restartPolicy=ExitCode"}), "chief 1 NEVER, worker 2 EXIT_CODE, ps 1 NEVER; ALL of chief"},
		{"tf by its first worker", tf([]string{"Worker: replicas=2"}), "worker 2 NEVER; FIRST of worker"},
		{"tf by all workers", tf([]string{"Worker: replicas=2"}, "successPolicy: AllWorkers"), "worker 2 NEVER; ALL of worker"},
		{"tf dynamic", tf([]string{"Worker: replicas=2", "PS:"}, "enableDynamicWorker: true"), "worker 2 NEVER independent, ps 1 NEVER; FIRST of worker"},
		{"mpi v1", mpi(v1, []string{"Launcher:", "Worker: replicas=2"}), "launcher 1 NEVER, worker 2 NEVER ancillary; ALL of launcher"},
		{"mpi v1 alone", mpi(v1, []string{"Launcher:", "Worker:"}), "launcher 1 NEVER; ALL of launcher"},
		{"mpi v2", mpi("kubeflow.org/v2beta1", []string{"Launcher:", "Worker: replicas=2"}), "launcher 1 ON_FAILURE, worker 2 NEVER ancillary; ALL of launcher"},
		{"xgboost", manifest(v1, "XGBoostJob", "xgbReplicaSpecs", "xgboost", []string{"Master:", "Worker: replicas=2"}), "master 1 NEVER, worker 2 NEVER; ALL of master"},
		{"paddle", manifest(v1, "PaddleJob", "paddleReplicaSpecs", "paddle", []string{"Worker: replicas=2"}), "worker 2 ON_FAILURE; ALL of worker"},
		{"jax", manifest(v1, "JAXJob", "jaxReplicaSpecs", "jax", []string{"Worker: replicas=2"}), "worker 2 NEVER; ALL of worker"},
		{"mxnet", manifest(v1, "MXNetJob", "mxReplicaSpecs", "mxnet", []string{"Server:", "Worker: replicas=2", "Scheduler:"}), "scheduler 1 NEVER, server 1 NEVER, worker 2 NEVER; ALL of scheduler"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			job, err := parse(t, tt.manifest)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(job.Spec()); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			again, err := kind.Parse([]byte(job.Manifest))
			if err != nil || again.Manifest != job.Manifest {
				t.Errorf("what was filled in reads otherwise again (%v):\n%s\n%s", err, job.Manifest, again.Manifest)
			}
		})
	}
}

func shown(s *trainingv1.TrainingJobSpec) string {
	var groups []string
	for _, g := range s.GetGroups() {
		text := fmt.Sprintf("%s %d %s", g.GetName(), g.GetCount(), strings.TrimPrefix(g.GetRestartPolicy().String(), "JOB_RESTART_POLICY_"))
		if g.GetIndependent() {
			text += " independent"
		}
		if g.GetAncillary() {
			text += " ancillary"
		}
		groups = append(groups, text)
	}
	p := s.GetSuccessPolicy()
	return strings.Join(groups, ", ") + "; " + strings.TrimPrefix(p.GetRule().String(), "SUCCESS_RULE_") + " of " + p.GetGroup()
}

// TestRefused says which manifests are refused, by path and reason.
func TestRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, manifest string
		want           []string
	}{
		{"an unknown kind", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}", []string{`kind: no matches for kind "Pod" in version "v1"; the kinds of jobs are kubeflow.org/v1 TFJob`}},
		{"no name", strings.Replace(pytorch([]string{"Worker:"}), "name: job", "labels: {a: b}", 1), []string{"metadata.name: Required value: name or generateName is required"}},
		{"a name that is no label", strings.Replace(pytorch([]string{"Worker:"}), "name: job", "name: 7_B", 1), []string{`metadata.name: Invalid value: "7_B": should match: a DNS-1035 label must`}},
		{"no replicas", "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {name: x}\nspec: {}", []string{"spec.pytorchReplicaSpecs: Required value: must be required"}},
		{"no spec", "apiVersion: kubeflow.org/v1\nkind: JAXJob\nmetadata: {name: x}", []string{"spec.jaxReplicaSpecs: Required value: must be required"}},
		{"an unknown type", pytorch([]string{"Boss:"}), []string{`spec.pytorchReplicaSpecs[Boss]: Unsupported value: "Boss": supported values: "Master", "Worker"`}},
		{"two masters", pytorch([]string{"Master: replicas=2"}), []string{"spec.pytorchReplicaSpecs[Master].replicas: Forbidden: must be 1"}},
		{"no workers", pytorch([]string{"Worker: replicas=0"}), []string{"spec.pytorchReplicaSpecs[Worker].replicas: Forbidden: must be at least 1"}},
		{"another container", strings.Replace(pytorch([]string{"Worker:"}), "name: pytorch", "name: main", 1), []string{
			"spec.pytorchReplicaSpecs[Worker].template.spec.containers: Required value: must have at least one container with name pytorch",
		}},
		{"no image", strings.Replace(pytorch([]string{"Worker:"}), "image: i, ", "", 1), []string{"spec.pytorchReplicaSpecs[Worker].template.spec.containers[0].image: Required value: must be required"}},
		{"no container", strings.Replace(pytorch([]string{"Worker:"}), "[{name: pytorch, image: i, command: [c]}]", "[]", 1), []string{
			"spec.pytorchReplicaSpecs[Worker].template.spec.containers: Required value: must be specified",
			"spec.pytorchReplicaSpecs[Worker].template.spec.containers: Required value: must have at least one container with name pytorch",
		}},
		{"a number that is none", pytorch([]string{"Worker: replicas=two"}), []string{`spec.pytorchReplicaSpecs[Worker].replicas: Invalid value: "two": must be of type integer`}},
		{"fewer than none", pytorch([]string{"Master:", "Worker: replicas=-1"}), []string{
			"spec.pytorchReplicaSpecs[Worker].replicas: Invalid value: -1: must be between 0 and 4096",
			"spec.pytorchReplicaSpecs[Worker].replicas: Forbidden: must be at least 1",
		}},
		{"a label", strings.Replace(pytorch([]string{"Worker:"}), "name: job", "name: job, labels: {a: b c}", 1), []string{`metadata.labels: Invalid value: "b c": a valid label must be`}},
		{"what begins a name", strings.Replace(pytorch([]string{"Worker:"}), "name: job", "generateName: 7-", 1), []string{`metadata.generateName: Invalid value: "7-xxxxx": should match: a DNS-1035`}},
		{"processes that are no text", pytorch([]string{"Worker:"}, "nprocPerNode: 2"), []string{`spec.nprocPerNode: Invalid value: "2": must be of type string`}},
		{"a metric of nothing", pytorch([]string{"Worker:"}, "elasticPolicy: {metrics: [{}]}"), []string{"spec.elasticPolicy.metrics[0].type: Required value"}},
		{"least resources", pytorch([]string{"Worker:"}, "runPolicy: {schedulingPolicy: {minResources: {cpu: lots}}}"), []string{`spec.runPolicy.schedulingPolicy.minResources[cpu]: Invalid value: "lots"`}},
		{"another operator", mpi("kubeflow.org/v2beta1", []string{"Launcher:"}, "runPolicy: {managedBy: kubeflow.org/training-operator}"), []string{
			`spec.runPolicy.managedBy: Unsupported value: "kubeflow.org/training-operator": supported values: "kueue.x-k8s.io/multikueue", "kubeflow.org/mpi-operator"`,
		}},
		{"a clean-up of mpi", mpi("kubeflow.org/v2beta1", []string{"Launcher:"}, "runPolicy: {cleanPodPolicy: Some}"), []string{`spec.runPolicy.cleanPodPolicy: Unsupported value: "Some"`}},
		{"a port twice", strings.Replace(pytorch([]string{"Worker:"}), "command: [c]", "ports: [{containerPort: 1}, {containerPort: 1}]", 1), []string{
			`spec.pytorchReplicaSpecs[Worker].template.spec.containers[0].ports[1]: Duplicate value: {"containerPort":1,"protocol":"TCP"}`,
		}},
		{"a restart policy", pytorch([]string{"Worker: restartPolicy=Sometimes"}), []string{`restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "ExitCode", "Never", "OnFailure"`}},
		{"a run policy", pytorch([]string{"Worker:"}, "runPolicy: {cleanPodPolicy: Some, backoffLimit: -1, ttlSecondsAfterFinished: -2, activeDeadlineSeconds: -3, managedBy: me}"), []string{
			"spec.runPolicy.activeDeadlineSeconds: Invalid value: -3: must be greater than or equal to 0",
			"spec.runPolicy.ttlSecondsAfterFinished: Invalid value: -2: must be greater than or equal to 0",
			"spec.runPolicy.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
			`spec.runPolicy.managedBy: Unsupported value: "me"`,
		}},
		{"more together than there are", pytorch([]string{"Worker: replicas=2"}, "runPolicy: {schedulingPolicy: {minAvailable: 3}}"), []string{
			"spec.runPolicy.schedulingPolicy.minAvailable: Invalid value: 3: must not be more than the 2 replicas",
		}},
		{"elastic without workers", pytorch([]string{"Master:"}, "elasticPolicy: {minReplicas: 1}"), []string{"spec.pytorchReplicaSpecs[Worker]: Required value: must be configured if elastic policy is used"}},
		{"processes said twice", pytorch([]string{"Worker:"}, "elasticPolicy: {nProcPerNode: 2}", "nprocPerNode: \"2\""), []string{
			"spec.elasticPolicy.nProcPerNode: Forbidden: must not be used with spec.nprocPerNode",
		}},
		{"bounds the wrong way round", pytorch([]string{"Worker: replicas=2"}, "elasticPolicy: {minReplicas: 3, maxReplicas: 2}"), []string{
			"spec.elasticPolicy.minReplicas: Invalid value: 3: must not be more than maxReplicas, 2",
		}},
		{"two leaders", tf([]string{"Chief:", "Master:"}), []string{"spec.tfReplicaSpecs: Forbidden: must not have more than 1 Chief or Master role"}},
		{"xgboost without a master", manifest(v1, "XGBoostJob", "xgbReplicaSpecs", "xgboost", []string{"Worker:"}), []string{"spec.xgbReplicaSpecs[Master]: Required value: must be present"}},
		{"mpi without a launcher", mpi(v1, []string{"Worker:"}), []string{"spec.mpiReplicaSpecs[Launcher]: Required value: must have Launcher replica spec"}},
		{"mpi types keep their case", mpi(v1, []string{"launcher:"}), []string{`spec.mpiReplicaSpecs[launcher]: Unsupported value: "launcher"`, "spec.mpiReplicaSpecs[Launcher]: Required value"}},
		{"mpi v2", mpi("kubeflow.org/v2beta1", []string{"Launcher: replicas=2 restartPolicy=Always", "Worker:"}, "mpiImplementation: Other", "slotsPerWorker: -1"), []string{
			"spec.mpiReplicaSpecs[Launcher].replicas: Invalid value: 2: must be 1",
			"spec.slotsPerWorker: Invalid value: -1: must be greater than or equal to 0",
			"spec.mpiReplicaSpecs[Worker].replicas: Invalid value: 0: must be greater than or equal to 1",
			`spec.mpiReplicaSpecs[Launcher].restartPolicy: Unsupported value: "Always": supported values: "Never", "OnFailure"`,
			`spec.mpiImplementation: Unsupported value: "Other": supported values: "Intel", "MPICH", "OpenMPI"`,
		}},
		{"mpi v2 with a name too long for its workers", strings.Replace(mpi("kubeflow.org/v2beta1", []string{"Launcher:", "Worker: replicas=11"}), "name: job", "name: "+strings.Repeat("j", 54), 1), []string{
			`metadata.name: Invalid value: "` + strings.Repeat("j", 54) + `": will not able to create pod and service with invalid DNS label`,
		}},
		{"amounts", strings.Replace(pytorch([]string{"Worker:"}), "command: [c]", "resources: {requests: {cpu: 2, memory: lots}, limits: {cpu: 1}}", 1), []string{
			`containers[0].resources.requests[memory]: Invalid value: "lots": quantities must match`,
			`containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
		}},
		{"mounts", strings.Replace(pytorch([]string{"Worker:"}), "command: [c]", "volumeMounts: [{name: none, mountPath: /x}]", 1), []string{
			`containers[0].volumeMounts[0].name: Not found: "none"`,
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parse(t, tt.manifest)
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Kind != fault.Invalid {
				t.Fatalf("got %v, want it refused", err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("lacks %q:\n%v", want, err)
				}
			}
			if len(e.Violations) != len(tt.want) {
				t.Errorf("%d violations, want %d:\n%v", len(e.Violations), len(tt.want), err)
			}
		})
	}
}

// TestTaken says what is odd, and taken as upstream takes it.
func TestTaken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, manifest, warning string }{
		{"a clean-up", pytorch([]string{"Worker:"}, "runPolicy: {cleanPodPolicy: some}"), `cleanPodPolicy: "some" is none of All, None and Running, and taken for All`},
		{"a success policy", tf([]string{"Worker:"}, "successPolicy: One"), `spec.successPolicy: "One" is not AllWorkers`},
		{"processes", pytorch([]string{"Worker:"}, "nprocPerNode: many"), `spec.nprocPerNode: "many" is no number`},
		{"creation", mpi("kubeflow.org/v2beta1", []string{"Launcher:"}, "launcherCreationPolicy: Late"), `spec.launcherCreationPolicy: "Late" is not WaitForWorkersReady`},
		{"mxnet's mode", manifest(v1, "MXJob", "mxReplicaSpecs", "mxnet", []string{"Worker:"}, "jobMode: MXPlay"), `spec.jobMode: "MXPlay" is neither`},
		{"a pod's restart policy", strings.Replace(pytorch([]string{"Worker:"}), "containers:", "restartPolicy: Always, containers:", 1), "template.spec.restartPolicy is only that of further containers: the replica's own, OnFailure,"},
		{"the same restart policy", strings.Replace(pytorch([]string{"Worker:"}), "containers:", "restartPolicy: OnFailure, containers:", 1), ""},
		{"several chiefs", tf([]string{"Chief: replicas=2"}), ""},
		{"no servers", tf([]string{"Worker:", "PS: replicas=0"}), ""},
		{"the kind's port without its name", strings.Replace(pytorch([]string{"Worker:"}), "command: [c]", "ports: [{containerPort: 23456}]", 1), ""},
		{"a type that is null", pytorch([]string{"Worker:"}, "elasticPolicy: null"), ""},
	} {
		job, err := parse(t, tt.manifest)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if warnings := strings.Join(job.Warnings, "\n"); !strings.Contains(warnings, tt.warning) || tt.warning == "" && warnings != "" {
			t.Errorf("%s: warnings %q, want %q", tt.name, warnings, tt.warning)
		}
		if again, err := kind.Parse([]byte(job.Manifest)); err != nil || shown(again.Spec()) != shown(job.Spec()) {
			t.Errorf("%s, read again: %v", tt.name, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	text := pytorch([]string{"Worker:"}, "unheardOf: 1", "elasticPolicy: {minReplicas: 1, metrics: [{type: Resource}]}")
	text = strings.Replace(text, "command: [c]}", "command: [c], readinessProbe: {tcpSocket: {port: 1}}, livenessProbe: {grpc: {port: 1}}}, {name: sidecar, image: s, readinessProbe: {tcpSocket: {port: 1}}, resources: {limits: {nvidia.com/gpu: 1}}}", 1)
	text = strings.Replace(text, "containers:", "affinity: {podAffinity: {}}, containers:", 1)
	job, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`unknown field "spec.unheardOf"`, "spec.elasticPolicy.metrics has no effect here",
		"spec.pytorchReplicaSpecs[Worker].template.spec.affinity has no effect here",
		"spec.pytorchReplicaSpecs[Worker].template.spec.containers[1].readinessProbe has no effect here: a replica is ready when the container that counts is",
		"spec.pytorchReplicaSpecs[Worker].template.spec.containers[1].resources: GPUs are allotted to the container that counts alone",
	} {
		if !slices.Contains(job.Warnings, want) {
			t.Errorf("no warning %q in %q", want, job.Warnings)
		}
	}
	if len(job.Warnings) != 5 {
		t.Errorf("%d warnings: %q", len(job.Warnings), job.Warnings)
	}
}

func TestGPUsAreCounted(t *testing.T) {
	t.Parallel()
	text := strings.Replace(pytorch([]string{"Worker:"}), "command: [c]", "resources: {limits: {nvidia.com/gpu: 2, cpu: 4}}", 1)
	job, err := parse(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := job.Spec().GetGroups()[0].GetGpus(); got != 2 {
		t.Errorf("%d GPUs, want 2", got)
	}
}

func TestDefaultsAreInTheManifest(t *testing.T) {
	t.Parallel()
	job, err := parse(t, pytorch([]string{"worker: replicas=4"}, "elasticPolicy: {maxReplicas: 4}"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"apiVersion":"kubeflow.org/v1","kind":"PyTorchJob","metadata":{"name":"job"},"spec":{` +
		`"elasticPolicy":{"maxReplicas":4,"minReplicas":4},"nprocPerNode":"auto","pytorchReplicaSpecs":{"Worker":{"replicas":4,"restartPolicy":"OnFailure",` +
		`"template":{"spec":{"containers":[{"command":["c"],"image":"i","name":"pytorch"}]}}}},` +
		`"runPolicy":{"cleanPodPolicy":"None","suspend":false}}}`
	if job.Manifest != want {
		t.Errorf("got  %s\nwant %s", job.Manifest, want)
	}
}

// FuzzParse checks that whatever is read can be read again, and means the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		pytorch([]string{"Worker: replicas=2", "Master:"}), tf([]string{"PS:", "Worker:"}), mpi(v1, []string{"Launcher:", "Worker: replicas=2"}),
		strings.Replace(pytorch([]string{"Worker:"}), "containers: [{name: pytorch, image: i, command: [c]", "dnsPolicy: None, dnsConfig: {nameservers: [10.0.0.1]}, "+
			"affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: a, operator: In, values: [b]}]}}]}}, "+
			"tolerations: [{key: a, effect: NoExecute, tolerationSeconds: 1}], volumes: [{name: v, configMap: {name: c, items: [{key: a, path: b}]}}, {name: p, projected: {sources: [{secret: {name: s}}]}}], "+
			"initContainers: [{name: b, image: i, restartPolicy: Always, ports: [{name: web, containerPort: 80}], startupProbe: {httpGet: {port: web}}}], "+
			"containers: [{name: pytorch, image: i, command: [c], env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}], envFrom: [{secretRef: {name: s}}], "+
			"resources: {requests: {cpu: 1}, limits: {cpu: 2, nvidia.com/gpu: 1}}, volumeMounts: [{name: v, mountPath: /v, subPath: a}], lifecycle: {preStop: {sleep: {seconds: 1}}}", 1),
		mpi("kubeflow.org/v2beta1", []string{"Launcher:"}), `{"apiVersion":"kubeflow.org/v1","kind":"JAXJob","spec":{"jaxReplicaSpecs":{"Worker":null}}}`,
	} {
		data, err := yaml.YAMLToJSON([]byte(seed))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		job, err := kind.Parse(data)
		if err != nil {
			return
		}
		again, err := kind.Parse([]byte(job.Manifest))
		if err != nil || shown(again.Spec()) != shown(job.Spec()) {
			t.Errorf("%s\nread again: %v", job.Manifest, err)
		}
	})
}
