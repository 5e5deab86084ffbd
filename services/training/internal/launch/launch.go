// Package launch makes the workload of an attempt at a job.
//
// One attempt is one workload: its replicas are placed, started and stopped together.
// Its name follows from the job's uid and the attempt's number, so that submitting it
// may be repeated and starts nothing twice. All attempts at a job keep one directory.
//
// The package is pure.
package launch

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/kind"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
	"github.com/kfmesh/kfmesh/services/training/internal/rendezvous"
)

// Labels of workloads of jobs.
const (
	LabelOwner   = "kfmesh.dev/owner"
	LabelJob     = "kfmesh.dev/job" // uid
	LabelKind    = "kfmesh.dev/job-kind"
	LabelName    = labelJobName
	LabelAttempt = "kfmesh.dev/attempt"
	LabelStage   = "kfmesh.dev/stage" // missing for 0
	LabelNode    = "kfmesh.dev/node"  // of volumes: where they are
	Owner        = "training"

	// Those that Kubernetes' JobSet gives to pods and volumes, and so a TrainJob's have.
	LabelJobSet        = "jobset.sigs.k8s.io/jobset-name"
	labelReplicatedJob = "jobset.sigs.k8s.io/replicatedjob-name"
	labelJobIndex      = "jobset.sigs.k8s.io/job-index"
	completionIndex    = "batch.kubernetes.io/job-completion-index"

	// Those that the operators give to pods.
	labelOperator     = "training.kubeflow.org/operator-name"
	labelJobName      = "training.kubeflow.org/job-name"
	labelReplicaType  = "training.kubeflow.org/replica-type"
	labelReplicaIndex = "training.kubeflow.org/replica-index"
	labelJobRole      = "training.kubeflow.org/job-role"
)

// Checkpoints is the directory, in the one that attempts keep, for checkpoints.
const checkpoints = "${keep}/checkpoints"

// Attempt is an attempt at a job.
type Attempt struct {
	UID    string // of the job
	Number int32  // from 1
	Stage  int32  // whose groups are meant
	// Gateway is the URL at which replicas reach the gateway; empty when there is none.
	Gateway string
	// Tracked says that the job has a tracked run, which replicas are told of.
	Tracked bool
	// Restarts are those that replicas of independent groups may make by themselves.
	// Negative means any number.
	Restarts int32
}

// Name is the name of the workload of a stage of an attempt.
func Name(job, uid string, number, stage int32) string {
	if stage > 0 {
		return fmt.Sprintf("%s-%.8s-s%d-%d", job, uid, stage, number)
	}
	return fmt.Sprintf("%s-%.8s-%d", job, uid, number)
}

// StageOf is the stage that a workload is of.
func StageOf(w *gpuagentv1.Workload) int32 {
	n, err := strconv.ParseInt(w.GetMetadata().GetLabels()[LabelStage], 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// NumberOf is the number of the attempt that a workload is; 0 when it is none.
func NumberOf(w *gpuagentv1.Workload) int32 {
	n, err := strconv.ParseInt(w.GetMetadata().GetLabels()[LabelAttempt], 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

// Workload is what is submitted for an attempt.
func Workload(j *kind.Job, a Attempt) *gpuagentv1.Workload {
	spec := &gpuagentv1.WorkloadSpec{
		Keep: KeepName(a.UID), BackoffLimit: restarts(a.Restarts), RestartPolicy: gpuagentv1.RestartPolicy_RESTART_POLICY_NEVER,
		Disruptible: true,                          // it goes on from its checkpoint
		OneNode:     j.Kind.Rendezvous == kind.MPI, // where there is room: launcher and workers meet in files
	}
	schedule(spec, j)
	for _, r := range scalingLast(j.Replicas) {
		if r.Count == 0 || r.Stage != a.Stage {
			continue
		}
		spec.Groups = append(spec.Groups, group(j, r, a))
		if grace := r.Template.Spec.GracePeriod; grace != nil {
			longest := max(spec.GetGracePeriod().AsDuration(), time.Duration(*grace)*time.Second)
			spec.GracePeriod = durationpb.New(longest)
		}
	}
	spec.Success = success(j, spec.GetGroups())
	labels := maps.Clone(j.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelOwner], labels[LabelJob], labels[LabelAttempt] = Owner, a.UID, strconv.Itoa(int(a.Number))
	labels[LabelKind], labels[LabelName] = j.Kind.Name, j.Name
	if a.Stage > 0 {
		labels[LabelStage] = strconv.Itoa(int(a.Stage))
	}
	return &gpuagentv1.Workload{
		Metadata: &metav1.ObjectMeta{Namespace: j.Namespace, Name: Name(j.Name, a.UID, a.Number, a.Stage), Labels: labels},
		Spec:     spec,
	}
}

// success is when an attempt has done its work: by the job's own policy, where its group is
// one of these and does not begin again after success.
func success(j *kind.Job, groups []*gpuagentv1.ReplicaGroup) *gpuagentv1.Success {
	lead := j.Success.GetGroup()
	begun := slices.ContainsFunc(groups, func(g *gpuagentv1.ReplicaGroup) bool { return g.GetName() == lead })
	again := slices.ContainsFunc(j.Spec().GetGroups(), func(g *trainingv1.JobGroup) bool {
		return g.GetName() == lead && g.GetRestartPolicy() == trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ALWAYS
	})
	if !begun || again {
		return nil
	}
	return &gpuagentv1.Success{Group: lead, Rule: rules[j.Success.GetRule()]}
}

// rules are those of jobs, as those of workloads.
var rules = map[trainingv1.SuccessRule]gpuagentv1.SuccessRule{
	trainingv1.SuccessRule_SUCCESS_RULE_ALL:   gpuagentv1.SuccessRule_SUCCESS_RULE_ALL,
	trainingv1.SuccessRule_SUCCESS_RULE_ANY:   gpuagentv1.SuccessRule_SUCCESS_RULE_ANY,
	trainingv1.SuccessRule_SUCCESS_RULE_FIRST: gpuagentv1.SuccessRule_SUCCESS_RULE_FIRST,
}

// scalingLast are the replicas with those behind the others whose number may change: those
// of the last group of a workload can come and go.
func scalingLast(all []kind.Replica) []*kind.Replica {
	var fixed, free []*kind.Replica
	for i := range all {
		if all[i].Independent {
			free = append(free, &all[i])
		} else {
			fixed = append(fixed, &all[i])
		}
	}
	return append(fixed, free...)
}

// KeepName is the name of the directory that attempts at a job keep.
func KeepName(uid string) string { return "job-" + uid }

func restarts(n int32) int32 {
	if n < 0 {
		return math.MaxInt32
	}
	return n
}

var policies = map[string]gpuagentv1.RestartPolicy{
	"OnFailure": gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE,
	"Always":    gpuagentv1.RestartPolicy_RESTART_POLICY_ON_FAILURE, // what has succeeded has no place to come back to
	"ExitCode":  gpuagentv1.RestartPolicy_RESTART_POLICY_EXIT_CODE,
}

func group(j *kind.Job, r *kind.Replica, a Attempt) *gpuagentv1.ReplicaGroup {
	out := &gpuagentv1.ReplicaGroup{Name: r.Group, Count: r.Count, Independent: r.Independent}
	if r.Independent {
		out.RestartPolicy = policies[r.Restart]
	}
	t := pod.Build(r.Template, r.ContainerName(j.Kind), r.Path+".template", names(j, r, a), &field.Problems{})
	t.Ports, t.PeerNames = ports(j, r), peers(j)
	wire(t, r.ContainerName(j.Kind), rendezvous.Of(j, r, a.Number))
	t.Env = append(t.Env,
		&gpuagentv1.EnvVar{Name: "KFMESH_JOB", Value: j.Name},
		&gpuagentv1.EnvVar{Name: "KFMESH_ATTEMPT", Value: strconv.Itoa(int(a.Number))},
		&gpuagentv1.EnvVar{Name: "KFMESH_CHECKPOINT_DIR", Value: checkpoints},
	)
	if j.Kind.Name == kind.TrainJobName && r.Group == j.Trainer.Group && a.Gateway != "" {
		report(t, j, a.Gateway)
	}
	if a.Tracked {
		track(t, j.Namespace, a)
	}
	staging(t).Directories = append(staging(t).Directories, checkpoints)
	out.Template = t
	return out
}

func staging(t *gpuagentv1.Template) *gpuagentv1.Staging {
	if t.Staging == nil {
		t.Staging = &gpuagentv1.Staging{}
	}
	return t.Staging
}

// names are what the downward API says of a replica's pod.
func names(j *kind.Job, r *kind.Replica, a Attempt) pod.Names {
	labels := maps.Clone(r.Template.Metadata.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	if j.Kind.Name == kind.TrainJobName {
		annotations := maps.Clone(r.Template.Metadata.Annotations)
		if annotations == nil {
			annotations = map[string]string{}
		}
		labels[LabelJobSet], labels[labelReplicatedJob], labels[labelJobIndex] = j.Name, r.Group, "0"
		labels[completionIndex] = "${self.index}"
		return pod.Names{
			// As the gateway calls it, too.
			Pod:       fmt.Sprintf("%s-%s-0-${self.index}-%.5s", j.Name, r.Group, a.UID),
			Namespace: j.Namespace, Labels: labels, Annotations: annotations, Index: "${self.index}", Claims: j.ClaimNames(),
		}
	}
	labels[labelOperator] = strings.ToLower(j.Kind.Name) + "-controller"
	labels[labelJobName], labels[labelReplicaType], labels[labelReplicaIndex] = j.Name, r.Group, "${self.index}"
	if j.Spec().GetSuccessPolicy().GetGroup() == r.Group && r.Count == 1 {
		labels[labelJobRole] = "master"
	}
	return pod.Names{
		Pod: j.Name + "-" + r.Group + "-${self.index}", Namespace: j.Namespace, Labels: labels, Annotations: r.Template.Metadata.Annotations,
	}
}

// ports are those that a container names: of the kind's own the number does not
// matter, others are given if they are free.
func ports(j *kind.Job, r *kind.Replica) []*gpuagentv1.Port {
	var out []*gpuagentv1.Port
	for i, p := range r.Container(j.Kind).Ports {
		name := pod.PortName(i, p)
		if !slices.ContainsFunc(out, func(other *gpuagentv1.Port) bool { return other.GetName() == name }) {
			out = append(out, &gpuagentv1.Port{Name: name, Preferred: p.ContainerPort})
		}
	}
	return out
}

func variables(vars []rendezvous.Var) []*gpuagentv1.EnvVar {
	out := make([]*gpuagentv1.EnvVar, len(vars))
	for i, v := range vars {
		out[i] = &gpuagentv1.EnvVar{Name: v.Name, Value: v.Value}
	}
	return out
}

// wire gives a template, whose container that counts has a name, what its replicas find one
// another by.
func wire(t *gpuagentv1.Template, main string, w rendezvous.Wiring) {
	defaults, env := variables(w.Defaults), variables(w.Env)
	around := func(own []*gpuagentv1.EnvVar) []*gpuagentv1.EnvVar { return slices.Concat(defaults, own, env) }
	if w.To == nil || slices.Contains(w.To, main) {
		t.Env = around(t.GetEnv())
	}
	for _, c := range t.GetCompanions() { // as upstream, what runs beside it, and not before
		if w.To == nil || slices.Contains(w.To, c.GetName()) {
			c.Env = around(c.GetEnv())
		}
	}
	for _, c := range t.GetInitContainers() {
		if slices.Contains(w.To, c.GetName()) {
			c.Env = around(c.GetEnv())
		}
	}
	for _, f := range w.Files {
		staging(t).Files = append(staging(t).Files, &gpuagentv1.InlineFile{Path: f.Path, Content: []byte(f.Content), Mode: f.Mode})
	}
	if len(w.Directories) > 0 {
		staging(t).Directories = append(staging(t).Directories, w.Directories...)
	}
	for _, name := range w.Ports {
		t.Ports = append(t.Ports, &gpuagentv1.Port{Name: name})
	}
	if w.Command != nil {
		t.Command, t.Args = w.Command, nil
	}
	for _, from := range slices.Sorted(maps.Keys(w.Rewrite)) {
		for _, words := range [][]string{t.Command, t.Args} {
			for i, word := range words {
				words[i] = strings.ReplaceAll(word, from, w.Rewrite[from])
			}
		}
	}
}
