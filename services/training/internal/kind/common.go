package kind

import (
	"maps"
	"slices"

	"github.com/kfmesh/kfmesh/services/training/internal/decode"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// Restart policies.
const (
	never     = "Never"
	onFailure = "OnFailure"
	always    = "Always"
	exitCode  = "ExitCode"
)

// Policies for what becomes of replicas at the end.
const (
	cleanNone    = "None"
	cleanRunning = "Running"
	cleanAll     = "All"
)

// maxReplicas is what a workload may have of one group.
const maxReplicas = 4096

// replicaSpec is a number of equal replicas.
type replicaSpec struct {
	Replicas      *int32       `json:"replicas"`
	Template      pod.Template `json:"template"`
	RestartPolicy string       `json:"restartPolicy"`
}

// runPolicy says when to end, restart and clean up.
type runPolicy struct {
	CleanPodPolicy *string           `json:"cleanPodPolicy"`
	TTL            *int32            `json:"ttlSecondsAfterFinished"`
	Deadline       *int64            `json:"activeDeadlineSeconds"`
	BackoffLimit   *int32            `json:"backoffLimit"`
	Suspend        *bool             `json:"suspend"`
	ManagedBy      *string           `json:"managedBy"`
	Scheduling     *schedulingPolicy `json:"schedulingPolicy"`
}

// schedulingPolicy says how a job is placed.
type schedulingPolicy struct {
	MinAvailable  *int32                   `json:"minAvailable"`
	Queue         string                   `json:"queue"`
	PriorityClass string                   `json:"priorityClass"`
	MinResources  map[string]decode.Scalar `json:"minResources" honoured:"no"`
	Timeout       *int32                   `json:"scheduleTimeoutSeconds" honoured:"no"`
}

// Values of managedBy. Whatever it says, kfmesh runs the job.
const (
	managedByOperator   = "kubeflow.org/training-operator"
	managedByMPI        = "kubeflow.org/mpi-operator"
	managedByMultiKueue = "kueue.x-k8s.io/multikueue"
)

const atLeastZero = "must be greater than or equal to 0"

// check says what is wrong with a run policy of a kind that an operator manages.
func (r *runPolicy) check(path, operator string, p *field.Problems) {
	if r == nil {
		return
	}
	if c := r.CleanPodPolicy; c != nil && *c != "" && cleanPolicies[*c] == 0 {
		p.Warn("%s.cleanPodPolicy: %q is none of All, None and Running, and taken for All, as upstream does", path, *c)
	}
	natural(path+".ttlSecondsAfterFinished", r.TTL, p)
	natural(path+".activeDeadlineSeconds", r.Deadline, p)
	natural(path+".backoffLimit", r.BackoffLimit, p)
	switch m := r.ManagedBy; {
	case m == nil, *m == operator:
	case *m == managedByMultiKueue:
		p.Warn("%s.managedBy: kfmesh runs the job whoever else is named", path)
	default:
		p.NotSupported(path+".managedBy", *m, managedByMultiKueue, operator)
	}
	if s := r.Scheduling; s != nil {
		natural(path+".schedulingPolicy.minAvailable", s.MinAvailable, p)
		for _, name := range slices.Sorted(maps.Keys(s.MinResources)) {
			if _, ok := pod.Quantity(string(s.MinResources[name]), 1); !ok {
				p.Invalid(path+".schedulingPolicy.minResources["+name+"]", string(s.MinResources[name]), "must be a quantity such as 500m or 2Gi")
			}
		}
	}
}

// natural requires that a number, if it is there, is not negative.
func natural[N int32 | int64](path string, n *N, p *field.Problems) {
	if n != nil && *n < 0 {
		p.Invalid(path, *n, atLeastZero)
	}
}
