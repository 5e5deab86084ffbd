package kind

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// check says everything that is wrong with a job.
func (j *Job) check(s spec, p *field.Problems) {
	CheckName(j.Name, j.GenerateName, p)
	p.Labels("metadata.labels", j.Labels)
	p.Annotations("metadata.annotations", j.Annotations)
	operator := managedByOperator
	if j.Kind.Version != v1 {
		operator = managedByMPI
	}
	s.policy().check("spec.runPolicy", operator, p)
	j.checkReplicas(s.specs(), p)
	s.check(j, p)
	total := j.Total()
	if sch := s.policy().scheduling(); !p.Any() && sch != nil && sch.MinAvailable != nil && *sch.MinAvailable > total {
		p.Invalid("spec.runPolicy.schedulingPolicy.minAvailable", *sch.MinAvailable, "must not be more than the "+itoa(total)+" replicas")
	}
	for i := range j.Replicas { // for what is wrong, or not honoured, in the templates
		r := &j.Replicas[i]
		if len(r.Template.Spec.Containers) > 0 {
			pod.Build(r.Template, j.Kind.container, r.Path+".template", pod.Names{}, p)
		}
	}
}

func (r *runPolicy) scheduling() *schedulingPolicy {
	if r == nil {
		return nil
	}
	return r.Scheduling
}

const (
	maxName      = 63
	longName     = "must be no more than 63 characters"
	missingName  = "name or generateName is required"
	shouldMatch  = "should match: "
	generatedLen = 5 // characters that a generated name gets at its end
)

// CheckName says what is wrong with the name of an object, or with what it is to be made
// from.
func CheckName(name, generateName string, p *field.Problems) {
	path := "metadata.name"
	switch {
	case name == "" && generateName == "":
		p.Required(path, missingName)
		return
	case name == "":
		path, name = "metadata.generateName", generateName+"xxxxx"[:generatedLen]
	}
	if wrong := field.Service(name); len(wrong) > 0 {
		p.Invalid(path, name, shouldMatch+strings.Join(wrong, ","))
	}
}

// checkReplicas says what is wrong with replica specs of any kind.
func (j *Job) checkReplicas(specs map[string]*replicaSpec, p *field.Problems) {
	path := "spec." + j.Kind.replicas
	if len(specs) == 0 {
		p.Required(path, map[bool]string{true: "must have replica specs", false: "must be required"}[j.Kind.Rendezvous == MPI])
		return
	}
	for _, t := range slices.Sorted(maps.Keys(specs)) {
		at := path + "[" + t + "]"
		if !slices.Contains(j.Kind.types, t) {
			p.NotSupported(at, t, j.Kind.types...)
			continue
		}
		j.checkReplica(at, specs[t], p)
	}
}

func (j *Job) checkReplica(at string, r *replicaSpec, p *field.Problems) {
	containers := at + ".template.spec.containers"
	if r == nil {
		p.Required(containers, "must be specified")
		return
	}
	if len(r.Template.Spec.Containers) == 0 {
		p.Required(containers, "must be specified")
	}
	j.checkContainers(containers, r, p)
	pod.CheckPorts(&r.Template, at+".template", j.Kind.portName, p)
	if r.Replicas != nil && (*r.Replicas < 0 || *r.Replicas > maxReplicas) {
		p.Invalid(at+".replicas", *r.Replicas, "must be between 0 and "+itoa(maxReplicas))
	}
	if of := r.Template.Spec.RestartPolicy; of != "" && of != r.RestartPolicy {
		p.Warn("%s.template.spec.restartPolicy is only that of further containers: the replica's own, %s, counts for the job", at, r.RestartPolicy)
	}
	if _, known := restartPolicies[r.RestartPolicy]; !known {
		p.NotSupported(at+".restartPolicy", r.RestartPolicy, always, exitCode, never, onFailure)
	}
}

func (j *Job) checkContainers(path string, r *replicaSpec, p *field.Problems) {
	named := false
	for i, c := range r.Template.Spec.Containers {
		at := path + "[" + strconv.Itoa(i) + "]"
		if c.Image == "" {
			p.Required(at+".image", "must be required")
		}
		named = named || c.Name == j.Kind.container
	}
	if j.Kind.container != "" && !named {
		p.Required(path, "must have at least one container with name "+j.Kind.container)
	}
}

// single requires that a type has exactly one replica.
func (j *Job) single(t string, p *field.Problems) {
	if r := j.Group(t); r != nil && r.Count != 1 {
		p.Forbidden(r.Path+".replicas", "must be 1")
	}
}
