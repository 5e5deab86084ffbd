package kind

import (
	"maps"
	"regexp"
	"slices"
	"strconv"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
	"github.com/kfmesh/kfmesh/services/training/internal/pod"
)

// check says everything that is wrong with a job.
func (j *Job) check(s spec, p *field.Problems) {
	CheckName(j.Name, j.GenerateName, p)
	s.policy().check("spec.runPolicy", p)
	j.checkReplicas(s.specs(), p)
	s.check(j, p)
	if p.Any() {
		return // the rest would only repeat it
	}
	total := j.Total()
	if sch := s.policy().scheduling(); sch != nil && sch.MinAvailable != nil && *sch.MinAvailable > total {
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

var dns1035 = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

const (
	maxName      = 63
	notDNS1035   = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
	longName     = "must be no more than 63 characters"
	missingName  = "name or generateName is required"
	shouldMatch  = "should match: "
	generatedLen = 5 // characters that a generated name gets at its end
)

// CheckName says what is wrong with the name of an object, or with what it is to be made
// from.
func CheckName(name, generateName string, p *field.Problems) {
	switch {
	case name == "" && generateName == "":
		p.Required("metadata.name", missingName)
		return
	case name == "":
		name = generateName + "xxxxx"[:generatedLen]
	}
	switch {
	case !dns1035.MatchString(name):
		p.Invalid("metadata.name", name, shouldMatch+notDNS1035)
	case len(name) > maxName:
		p.Invalid("metadata.name", name, shouldMatch+longName)
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
	if r.Replicas != nil && (*r.Replicas < 0 || *r.Replicas > maxReplicas) {
		p.Invalid(at+".replicas", *r.Replicas, "must be between 0 and "+itoa(maxReplicas))
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
		for n, port := range c.Ports {
			where := at + ".ports[" + strconv.Itoa(n) + "].containerPort"
			if port.ContainerPort < 1 || port.ContainerPort > 65535 {
				p.Invalid(where, port.ContainerPort, "must be between 1 and 65535, inclusive")
			}
		}
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
