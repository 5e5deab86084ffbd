package kind

import (
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

func xgboostJob() *Kind {
	return &Kind{
		Name: "XGBoostJob", Version: v1, Plural: "xgboostjobs", Rendezvous: XGBoost,
		replicas: "xgbReplicaSpecs", types: []string{master, worker},
		container: "xgboost", portName: "xgboostjob-port", port: 9999, restart: never,
		spec: func() spec { return &xgboostSpec{} },
	}
}

type xgboostSpec struct {
	RunPolicy *runPolicy              `json:"runPolicy"`
	Replicas  map[string]*replicaSpec `json:"xgbReplicaSpecs"`
}

func (s *xgboostSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *xgboostSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *xgboostSpec) check(j *Job, p *field.Problems) {
	j.single(master, p)
	if s.Replicas[master] == nil && len(s.Replicas) > 0 {
		p.Required("spec.xgbReplicaSpecs[Master]", "must be present")
	}
}

func (*xgboostSpec) complete(j *Job) { j.leadSucceeds() }

// leadSucceeds has the job end with the leading group.
func (j *Job) leadSucceeds() {
	j.Success = &trainingv1.SuccessPolicy{Group: j.Replicas[0].Group, Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL}
}

func paddleJob() *Kind {
	return &Kind{
		Name: "PaddleJob", Version: v1, Plural: "paddlejobs", Rendezvous: Paddle,
		replicas: "paddleReplicaSpecs", types: []string{master, worker},
		container: "paddle", portName: "master", port: 36543, restart: onFailure,
		spec: func() spec { return &paddleSpec{} }, defaults: paddleDefaults,
	}
}

type paddleSpec struct {
	RunPolicy *runPolicy              `json:"runPolicy"`
	Replicas  map[string]*replicaSpec `json:"paddleReplicaSpecs"`
	Elastic   *paddleElastic          `json:"elasticPolicy"`
}

type paddleElastic struct {
	Min         *int32   `json:"minReplicas"`
	Max         *int32   `json:"maxReplicas"`
	MaxRestarts *int32   `json:"maxRestarts"`
	Metrics     []metric `json:"metrics" honoured:"no"`
}

func paddleDefaults(spec map[string]any) {
	elastic, _ := spec["elasticPolicy"].(map[string]any)
	specs, _ := spec["paddleReplicaSpecs"].(map[string]any)
	elasticBounds(elastic, specs)
}

func (s *paddleSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *paddleSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *paddleSpec) check(j *Job, p *field.Problems) {
	if s.Elastic != nil {
		checkElastic(j, s.Elastic.Min, s.Elastic.Max, p)
	}
}

func (s *paddleSpec) complete(j *Job) {
	j.leadSucceeds()
	if e := s.Elastic; e != nil {
		j.elastic = &trainingv1.ElasticPolicy{MinReplicas: *e.Min, MaxReplicas: *e.Max}
	}
}

func jaxJob() *Kind {
	return &Kind{
		Name: "JAXJob", Version: v1, Plural: "jaxjobs", Rendezvous: JAX,
		replicas: "jaxReplicaSpecs", types: []string{worker},
		container: "jax", portName: "jaxjob-port", port: 6666, restart: never,
		spec: func() spec { return &jaxSpec{} },
	}
}

type jaxSpec struct {
	RunPolicy *runPolicy              `json:"runPolicy"`
	Replicas  map[string]*replicaSpec `json:"jaxReplicaSpecs"`
}

func (s *jaxSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *jaxSpec) policy() *runPolicy             { return s.RunPolicy }
func (*jaxSpec) check(*Job, *field.Problems)      {}
func (*jaxSpec) complete(j *Job)                  { j.leadSucceeds() }

func mxJob() *Kind {
	return &Kind{
		Name: "MXJob", Version: v1, Aliases: []string{"MXNetJob"}, Plural: "mxjobs", Rendezvous: MXNet,
		replicas: "mxReplicaSpecs", types: []string{scheduler, server, worker, "TunerTracker", "TunerServer", "Tuner"},
		container: "mxnet", portName: "mxjob-port", port: 9091, restart: never,
		spec: func() spec { return &mxSpec{} }, defaults: func(spec map[string]any) { setDefault(spec, "jobMode", mxTrain) },
	}
}

// Modes of an MXJob.
const (
	mxTrain = "MXTrain"
	mxTune  = "MXTune"
)

type mxSpec struct {
	RunPolicy *runPolicy              `json:"runPolicy"`
	Mode      string                  `json:"jobMode"`
	Replicas  map[string]*replicaSpec `json:"mxReplicaSpecs"`
}

func (s *mxSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *mxSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *mxSpec) check(_ *Job, p *field.Problems) {
	if s.Mode != mxTrain && s.Mode != mxTune {
		p.Warn("spec.jobMode: %q is neither MXTrain nor MXTune; it makes no difference, as upstream", s.Mode)
	}
}

func (*mxSpec) complete(j *Job) {
	j.leadSucceeds()
	for _, lead := range []string{scheduler, worker, "Tuner"} {
		if r := j.Group(lead); r != nil {
			j.Success.Group = r.Group
			return
		}
	}
}
