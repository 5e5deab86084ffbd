package kind

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
)

// Job is a manifest that was read.
type Job struct {
	Kind         *Kind
	Name         string // empty when it is to be made from GenerateName
	GenerateName string
	Namespace    string // empty when the manifest names none
	Labels       map[string]string
	Annotations  map[string]string
	// ManagedFields is who set which field, as clients of Kubernetes' API say it; empty when
	// the manifest does not.
	ManagedFields string
	Replicas      []Replica // in the kind's order of types; at least one
	Claims        []Claim
	Warnings      []string
	// Manifest is the object as JSON with its defaults.
	Manifest string

	// What only some kinds have.
	TensorFlow TensorFlowOptions
	PyTorch    PyTorchOptions
	MPI        MPIOptions
	Trainer    TrainerOptions

	Run     *trainingv1.RunPolicy
	Success *trainingv1.SuccessPolicy

	elastic *trainingv1.ElasticPolicy
}

// TensorFlowOptions are what only a TFJob has.
type TensorFlowOptions struct {
	Dynamic bool // workers may come and go
}

// PyTorchOptions are what only a PyTorchJob has.
type PyTorchOptions struct {
	ProcessesPerNode string // a number, "auto", "gpu" or "cpu"; empty when only the elastic policy says it
	Elastic          *Elastic
}

// Elastic is how torchrun is to find its peers, whose number may change.
type Elastic struct {
	Min, Max    int32
	Backend     string
	Host        string // empty for the first worker
	Port        int32  // 0 for the job's
	ID          string
	Conf        string // k=v,...
	Standalone  bool
	MaxRestarts *int32
	Processes   *int32 // of each node, which is the old place to say so
}

// MPIOptions are what only an MPIJob has.
type MPIOptions struct {
	V2               bool
	Slots            int32
	Implementation   string // OpenMPI, Intel or MPICH
	LauncherIsWorker bool
}

// Group returns the replicas of a type; nil when there are none.
func (j *Job) Group(t string) *Replica {
	for i := range j.Replicas {
		if j.Replicas[i].Type == t {
			return &j.Replicas[i]
		}
	}
	return nil
}

// Total counts all replicas.
func (j *Job) Total() int32 {
	var n int32
	for _, r := range j.Replicas {
		n += r.Count
	}
	return n
}

var restartPolicies = map[string]trainingv1.JobRestartPolicy{
	never:     trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_NEVER,
	onFailure: trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ON_FAILURE,
	always:    trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_ALWAYS,
	exitCode:  trainingv1.JobRestartPolicy_JOB_RESTART_POLICY_EXIT_CODE,
}

var cleanPolicies = map[string]trainingv1.CleanPodPolicy{
	cleanNone:    trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_NONE,
	cleanRunning: trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_RUNNING,
	cleanAll:     trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_ALL,
}

// Spec is what the job comes down to.
func (j *Job) Spec() *trainingv1.TrainingJobSpec {
	out := &trainingv1.TrainingJobSpec{
		Rendezvous: j.Kind.Rendezvous, RunPolicy: j.Run, SuccessPolicy: j.Success, Elastic: j.elastic,
	}
	for i := range j.Replicas {
		r := &j.Replicas[i]
		out.Groups = append(out.Groups, &trainingv1.JobGroup{
			Type: r.Type, Name: r.Group, Count: r.Count, RestartPolicy: restartPolicies[r.Restart],
			Image: r.Container(j.Kind).Image, Gpus: r.Container(j.Kind).GPUs(), Independent: r.Independent, Ancillary: r.Ancillary,
			Stage: r.Stage,
		})
	}
	for _, c := range j.Claims {
		out.Claims = append(out.Claims, c.spec(j.Name))
	}
	return out
}

func (r *runPolicy) spec() *trainingv1.RunPolicy {
	out := &trainingv1.RunPolicy{CleanPodPolicy: trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_NONE}
	if r == nil {
		return out
	}
	if r.CleanPodPolicy != nil {
		out.CleanPodPolicy = cleanPolicies[*r.CleanPodPolicy]
		if out.GetCleanPodPolicy() == 0 { // which upstream, too, takes for this
			out.CleanPodPolicy = trainingv1.CleanPodPolicy_CLEAN_POD_POLICY_ALL
		}
	}
	if r.TTL != nil {
		out.Ttl = durationpb.New(time.Duration(*r.TTL) * time.Second)
	}
	if r.Deadline != nil {
		out.ActiveDeadline = &durationpb.Duration{Seconds: *r.Deadline}
	}
	out.BackoffLimit = r.BackoffLimit
	out.Suspend = r.Suspend != nil && *r.Suspend
	if s := r.Scheduling; s != nil {
		out.Scheduling = &trainingv1.SchedulingPolicy{Queue: s.Queue, PriorityClass: s.PriorityClass}
		if s.MinAvailable != nil {
			out.Scheduling.MinAvailable = *s.MinAvailable
		}
	}
	return out
}
