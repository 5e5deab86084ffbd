// Package pod shows the replicas of training jobs as the pods that Kubeflow's operators
// would have made of them, with their logs and events: the Kubeflow SDKs, and kubectl,
// look for those to say how a job fares.
//
// There are no pods. What is shown is a view of the workloads of jobs: of each stage of a
// job the present attempt, as it is, or as the archive has it with its job. Names and labels are upstream's: <job>-<type>-<index> of the
// training operator's kinds, <job>-<replicated job>-0-<index>-<suffix> of a TrainJob. They
// can be read, not changed.
package pod

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/gateway/internal/kube"
)

// Labels of workloads of jobs, as the training service gives them.
const (
	labelOwner   = "kfmesh.dev/owner"
	labelJob     = "kfmesh.dev/job"
	labelKind    = "kfmesh.dev/job-kind"
	labelAttempt = "kfmesh.dev/attempt"
	labelStage   = "kfmesh.dev/stage"
	labelName    = "training.kubeflow.org/job-name"
	owner        = "training"
)

// Labels of pods of TrainJobs.
const (
	labelJobSet   = "jobset.sigs.k8s.io/jobset-name"
	labelBatchJob = "batch.kubernetes.io/job-name"
)

// trainJob is the kind whose pods belong to a JobSet.
const trainJob = "TrainJob"

// replica is one replica of a workload.
type replica struct {
	workload *gpuagentv1.Workload
	group    *gpuagentv1.ReplicaGroup
	index    int32
	status   *gpuagentv1.ReplicaStatus // nil before it is placed
}

// replicas are those of a workload, placed or not.
func replicas(w *gpuagentv1.Workload) []replica {
	found := map[string]*gpuagentv1.ReplicaStatus{}
	for _, s := range w.GetStatus().GetReplicas() {
		found[fmt.Sprintf("%s/%d", s.GetGroup(), s.GetIndex())] = s
	}
	var all []replica
	for _, g := range w.GetSpec().GetGroups() {
		for i := range max(g.GetCount(), 1) {
			all = append(all, replica{workload: w, group: g, index: i, status: found[fmt.Sprintf("%s/%d", g.GetName(), i)]})
		}
	}
	return all
}

func (r replica) label(name string) string { return r.workload.GetMetadata().GetLabels()[name] }

// suffixLength is how much of a job's uid ends the names of a TrainJob's pods.
const suffixLength = 5

// name is the pod's name, which the replica itself knows from the downward API.
func (r replica) name() string {
	job := r.label(labelName)
	if r.label(labelKind) != trainJob {
		return fmt.Sprintf("%s-%s-%d", job, r.group.GetName(), r.index)
	}
	uid := r.label(labelJob)
	return fmt.Sprintf("%s-%s-0-%d-%s", job, r.group.GetName(), r.index, uid[:min(len(uid), suffixLength)])
}

// containers are the names of the containers that count, by kind.
var containers = map[string]string{
	"TFJob": "tensorflow", "PyTorchJob": "pytorch", "MXJob": "mxnet", "XGBoostJob": "xgboost", "PaddleJob": "paddle", "JAXJob": "jax", "MPIJob": "mpi",
}

// container is the name of the pod's one container.
func (r replica) container() string {
	if name := containers[r.label(labelKind)]; name != "" {
		return name
	}
	if strings.HasSuffix(r.group.GetName(), "-initializer") {
		return r.group.GetName()
	}
	return "node"
}

// labels are those that upstream gives to the pod.
func (r replica) labels() map[string]any {
	out := map[string]any{}
	for name, value := range r.workload.GetMetadata().GetLabels() {
		if !strings.HasPrefix(name, "kfmesh.dev/") && name != labelName {
			out[name] = value
		}
	}
	job, index := r.label(labelName), strconv.Itoa(int(r.index))
	if r.label(labelKind) == trainJob {
		out[labelJobSet], out["jobset.sigs.k8s.io/replicatedjob-name"] = job, r.group.GetName()
		out["jobset.sigs.k8s.io/job-index"], out["batch.kubernetes.io/job-completion-index"] = "0", index
		out[labelBatchJob] = fmt.Sprintf("%s-%s-0", job, r.group.GetName())
		return out
	}
	out[labelName], out["training.kubeflow.org/operator-name"] = job, strings.ToLower(r.label(labelKind))+"-controller"
	out["training.kubeflow.org/replica-type"], out["training.kubeflow.org/replica-index"] = r.group.GetName(), index
	if r.leads() {
		out["training.kubeflow.org/job-role"] = "master"
	}
	return out
}

// leads reports whether the pod is the one whose end is the job's, for clients that look at
// one: that of the leading type, or else the first worker.
func (r replica) leads() bool {
	lead := "worker"
	for _, g := range r.workload.GetSpec().GetGroups() {
		switch g.GetName() {
		case "master", "chief", "launcher", "scheduler":
			lead = g.GetName()
		}
	}
	return r.group.GetName() == lead && r.index == 0
}

// object is the replica as a pod.
func (r replica) object() kube.Object {
	m := r.workload.GetMetadata()
	return kube.Object{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{
			"name": r.name(), "namespace": m.GetNamespace(), "labels": r.labels(),
			"uid":               fmt.Sprintf("%s-%s-%d", m.GetUid(), r.group.GetName(), r.index),
			"creationTimestamp": moment(m.GetCreateTime()), "resourceVersion": strconv.FormatInt(m.GetResourceVersion(), 10),
		},
		"spec":   r.spec(),
		"status": r.shownStatus(),
	}
}

func (r replica) spec() map[string]any {
	t := r.group.GetTemplate()
	container := map[string]any{"name": r.container(), "image": t.GetImage(), "resources": resources(t.GetResources())}
	if len(t.GetCommand()) > 0 {
		container["command"] = t.GetCommand()
	}
	if len(t.GetArgs()) > 0 {
		container["args"] = t.GetArgs()
	}
	env := []any{}
	for _, e := range t.GetEnv() {
		if e.GetValueFrom() == nil { // what comes from a secret is nobody's to see
			env = append(env, map[string]any{"name": e.GetName(), "value": e.GetValue()})
		}
	}
	container["env"] = env
	out := map[string]any{"containers": []any{container}, "restartPolicy": "Never"}
	if node := r.status.GetNode(); node != "" {
		out["nodeName"] = node
	}
	return out
}

// resources are what the container asks for, as Kubernetes writes it.
func resources(from *gpuagentv1.Resources) map[string]any {
	limits := map[string]any{}
	if n := from.GetCpuMilli(); n > 0 {
		limits["cpu"] = fmt.Sprintf("%dm", n)
		if n%1000 == 0 {
			limits["cpu"] = strconv.FormatInt(n/1000, 10)
		}
	}
	if n := from.GetMemoryBytes(); n > 0 {
		limits["memory"] = strconv.FormatInt(n, 10)
	}
	if n := from.GetGpus(); n > 0 {
		limits[gpuResource(from.GetGpuModel())] = strconv.Itoa(int(n))
	}
	if len(limits) == 0 {
		return map[string]any{} // clients take a list that is there to name a device
	}
	return map[string]any{"limits": limits, "requests": limits}
}

// gpuResource is what clients know GPUs of a model as.
func gpuResource(model string) string {
	_, profile, mig := strings.Cut(model, "mig-")
	switch {
	case mig:
		return "nvidia.com/mig-" + profile
	case strings.HasPrefix(model, "amd"):
		return "amd.com/gpu"
	case strings.HasSuffix(model, "shared"):
		return "nvidia.com/gpu.shared"
	}
	return "nvidia.com/gpu"
}

func moment(t *timestamppb.Timestamp) any {
	if t == nil {
		return nil
	}
	return t.AsTime().UTC().Format("2006-01-02T15:04:05Z")
}
