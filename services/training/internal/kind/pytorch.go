package kind

import (
	"strings"

	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

func pytorchJob() *Kind {
	return &Kind{
		Name: "PyTorchJob", Version: v1, Plural: "pytorchjobs", Rendezvous: PyTorch,
		replicas: "pytorchReplicaSpecs", types: []string{master, worker},
		container: "pytorch", portName: "pytorchjob-port", port: 23456, restart: onFailure,
		spec: func() spec { return &pytorchSpec{} }, defaults: pytorchDefaults,
	}
}

type pytorchSpec struct {
	RunPolicy    *runPolicy              `json:"runPolicy"`
	Replicas     map[string]*replicaSpec `json:"pytorchReplicaSpecs"`
	Elastic      *elasticPolicy          `json:"elasticPolicy"`
	NprocPerNode *string                 `json:"nprocPerNode"`
}

type elasticPolicy struct {
	Min          *int32   `json:"minReplicas"`
	Max          *int32   `json:"maxReplicas"`
	Backend      string   `json:"rdzvBackend"`
	Port         *int32   `json:"rdzvPort"`
	Host         string   `json:"rdzvHost"`
	ID           string   `json:"rdzvId"`
	Conf         []conf   `json:"rdzvConf"`
	Standalone   bool     `json:"standalone"`
	NProcPerNode *int32   `json:"nProcPerNode"`
	MaxRestarts  *int32   `json:"maxRestarts"`
	Metrics      []metric `json:"metrics" honoured:"no"`
}

type conf struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// pytorchDefaults are the bounds of an elastic job and the processes of a node.
func pytorchDefaults(spec map[string]any) {
	elastic, _ := spec["elasticPolicy"].(map[string]any)
	if elastic == nil || elastic["nProcPerNode"] == nil {
		setDefault(spec, "nprocPerNode", "auto")
	}
	specs, _ := spec["pytorchReplicaSpecs"].(map[string]any)
	elasticBounds(elastic, specs)
}

// elasticBounds fills in the one that is missing from the other, and both from the
// number of workers.
func elasticBounds(elastic, specs map[string]any) {
	if elastic == nil {
		return
	}
	var count any = number("1")
	for name, each := range specs {
		if replica, ok := each.(map[string]any); ok && strings.EqualFold(name, worker) && replica["replicas"] != nil {
			count = replica["replicas"]
		}
	}
	low, high := elastic["minReplicas"], elastic["maxReplicas"]
	switch {
	case low == nil && high == nil:
		low, high = count, count
	case low == nil:
		low = high
	case high == nil:
		high = low
	}
	elastic["minReplicas"], elastic["maxReplicas"] = low, high
}

func (s *pytorchSpec) specs() map[string]*replicaSpec { return s.Replicas }
func (s *pytorchSpec) policy() *runPolicy             { return s.RunPolicy }

func (s *pytorchSpec) check(j *Job, p *field.Problems) {
	j.single(master, p)
	if w := j.Group(worker); w != nil && w.Count < 1 {
		p.Forbidden(w.Path+".replicas", "must be at least 1")
	}
	if s.NprocPerNode != nil {
		switch n := *s.NprocPerNode; {
		case n == "auto", n == "gpu", n == "cpu", n == "xpu", n != "" && strings.Trim(n, "0123456789") == "":
		default:
			p.Warn("spec.nprocPerNode: %q is no number, auto, cpu, gpu or xpu; torchrun will not know it", n)
		}
	}
	if s.Elastic == nil {
		return
	}
	if j.Group(worker) == nil {
		p.Required("spec.pytorchReplicaSpecs[Worker]", "must be configured if elastic policy is used")
	}
	if s.Elastic.NProcPerNode != nil {
		p.Warn("spec.elasticPolicy.nProcPerNode is deprecated, use spec.nprocPerNode instead")
		if s.NprocPerNode != nil {
			p.Forbidden("spec.elasticPolicy.nProcPerNode", "must not be used with spec.nprocPerNode")
		}
	}
	checkElastic(j, s.Elastic.Min, s.Elastic.Max, p)
}

// checkElastic says what is wrong with the bounds of an elastic job.
func checkElastic(j *Job, low, high *int32, p *field.Problems) {
	w := j.Group(worker)
	switch {
	case low == nil || high == nil:
	case *low < 1:
		p.Invalid("spec.elasticPolicy.minReplicas", *low, "must be at least 1")
	case *low > *high:
		p.Invalid("spec.elasticPolicy.minReplicas", *low, "must not be more than maxReplicas, "+itoa(*high))
	case w != nil && (w.Count < *low || w.Count > *high):
		p.Warn("%s.replicas is %d, which is not between elasticPolicy.minReplicas, %d, and maxReplicas, %d: the workers would wait for others",
			w.Path, w.Count, *low, *high)
	}
}

func (s *pytorchSpec) complete(j *Job) {
	if s.NprocPerNode != nil {
		j.PyTorch.ProcessesPerNode = *s.NprocPerNode
	}
	j.Success = &trainingv1.SuccessPolicy{Group: j.Replicas[0].Group, Rule: trainingv1.SuccessRule_SUCCESS_RULE_ALL}
	e := s.Elastic
	if e == nil {
		return
	}
	j.PyTorch.Elastic = &Elastic{
		Min: *e.Min, Max: *e.Max, Backend: e.Backend, Host: e.Host, ID: e.ID, Conf: joined(e.Conf), Standalone: e.Standalone, MaxRestarts: e.MaxRestarts,
		Processes: e.NProcPerNode,
	}
	if e.Port != nil {
		j.PyTorch.Elastic.Port = *e.Port
	}
	j.elastic = &trainingv1.ElasticPolicy{MinReplicas: *e.Min, MaxReplicas: *e.Max}
	if j.Replicas[0].Type == worker {
		j.Success.Rule = trainingv1.SuccessRule_SUCCESS_RULE_ANY
	}
	j.Group(worker).Independent = true
}

// joined is k=v,k=v.
func joined(all []conf) string {
	pairs := make([]string, len(all))
	for i, c := range all {
		pairs[i] = c.Key + "=" + c.Value
	}
	return strings.Join(pairs, ",")
}
