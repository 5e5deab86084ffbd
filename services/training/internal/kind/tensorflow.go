package kind

import (
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// Replica types.
const (
	chief     = "Chief"
	master    = "Master"
	worker    = "Worker"
	ps        = "PS"
	evaluator = "Evaluator"
	launcher  = "Launcher"
	scheduler = "Scheduler"
	server    = "Server"
)

func tfJob() *Kind {
	return &Kind{
		Name: "TFJob", Version: v1, Plural: "tfjobs", Rendezvous: TensorFlow,
		replicas: "tfReplicaSpecs", types: []string{chief, master, worker, ps, evaluator},
		container: "tensorflow", portName: "tfjob-port", port: 2222, restart: never,
		spec: func() spec { return &tfSpec{} },
	}
}

type tfSpec struct {
	RunPolicy     *runPolicy              `json:"runPolicy"`
	SuccessPolicy *string                 `json:"successPolicy"`
	Replicas      map[string]*replicaSpec `json:"tfReplicaSpecs"`
	Dynamic       bool                    `json:"enableDynamicWorker"`
}

const allWorkers = "AllWorkers"

func (s *tfSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *tfSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *tfSpec) check(j *Job, p *field.Problems) {
	if j.Group(chief) != nil && j.Group(master) != nil {
		p.Forbidden("spec.tfReplicaSpecs", "must not have more than 1 Chief or Master role")
	}
	if s.SuccessPolicy != nil && *s.SuccessPolicy != "" && *s.SuccessPolicy != allWorkers {
		p.Warn("spec.successPolicy: %q is not AllWorkers, and taken for none, as upstream does", *s.SuccessPolicy)
	}
}

func (s *tfSpec) complete(j *Job) {
	j.TensorFlow.Dynamic = s.Dynamic
	if w := j.Group(worker); w != nil {
		w.Independent = s.Dynamic
	}
	rule := trainingv1.SuccessRule_SUCCESS_RULE_FIRST
	lead := j.Replicas[0] // chief, master or worker, if there is any of them; of a chief there may be several
	if s.SuccessPolicy != nil && *s.SuccessPolicy == allWorkers && lead.Type == worker || lead.Type != worker {
		rule = trainingv1.SuccessRule_SUCCESS_RULE_ALL
	}
	j.Success = &trainingv1.SuccessPolicy{Group: lead.Group, Rule: rule}
}
