package pod

import (
	"regexp"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// env adds one variable.
func (b *builder) env(path string, e EnvVar, c *Container) {
	if e.Name == "" {
		b.problems.Required(path+".name", "")
		return
	}
	out := &gpuagentv1.EnvVar{Name: e.Name, Value: Escape(e.Value)}
	if e.ValueFrom != nil {
		if e.Value != "" {
			b.problems.Invalid(path+".valueFrom", "", "may not be specified when `value` is not empty")
		}
		b.source(path+".valueFrom", e.ValueFrom, c, out)
	}
	b.out.Env = append(b.out.Env, out)
}

// envFrom adds all keys of a secret or config map.
func (b *builder) envFrom(path string, from EnvFrom) {
	out := &gpuagentv1.EnvFrom{Prefix: from.Prefix}
	var name string
	switch {
	case from.Secret != nil && from.ConfigMap != nil:
		b.problems.Invalid(path, "", "may not have more than one field specified at a time")
		return
	case from.Secret != nil:
		name, path, out.Optional = from.Secret.Name, path+".secretRef", from.Secret.Optional
		out.Source = &gpuagentv1.EnvFrom_Secret{Secret: name}
	case from.ConfigMap != nil:
		name, path, out.Optional = from.ConfigMap.Name, path+".configMapRef", from.ConfigMap.Optional
		out.Source = &gpuagentv1.EnvFrom_ConfigMap{ConfigMap: name}
	default:
		b.problems.Invalid(path, "", "must specify one of: `configMapRef` or `secretRef`")
		return
	}
	if name == "" {
		b.problems.Required(path+".name", "")
		return
	}
	b.out.EnvFrom = append(b.out.EnvFrom, out)
}

// source has a variable take its value from elsewhere.
func (b *builder) source(path string, s *EnvSource, c *Container, out *gpuagentv1.EnvVar) {
	switch {
	case s.Field != nil:
		b.field(path+".fieldRef.fieldPath", s.Field.FieldPath, out)
	case s.Resource != nil:
		out.Value = b.amount(path+".resourceFieldRef", s.Resource, c)
	case s.Secret != nil:
		out.ValueFrom = &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_Secret{Secret: b.key(path+".secretKeyRef", s.Secret)}}
	case s.ConfigMap != nil:
		out.ValueFrom = &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_ConfigMap{ConfigMap: b.key(path+".configMapKeyRef", s.ConfigMap)}}
	default:
		b.problems.Invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`")
	}
}

func (b *builder) key(path string, k *KeyRef) *gpuagentv1.KeySelector {
	if k.Name == "" {
		b.problems.Required(path+".name", "")
	}
	if k.Key == "" {
		b.problems.Required(path+".key", "")
	}
	return &gpuagentv1.KeySelector{Name: k.Name, Key: k.Key, Optional: k.Optional}
}

// onNode are the field paths that are known only where a replica runs.
var onNode = map[string]bool{
	"metadata.uid": true, "spec.nodeName": true, "spec.serviceAccountName": true,
	"status.hostIP": true, "status.hostIPs": true, "status.podIP": true, "status.podIPs": true,
}

var withKey = regexp.MustCompile(`^metadata\.(labels|annotations)\['([^']+)'\]$`)

// completionIndex is the annotation, and label, that says which pod of a job it is.
const completionIndex = "batch.kubernetes.io/job-completion-index"

// field gives a field of the pod as a variable. What the job itself knows is
// filled in here: to the node, a replica has the workload's name and labels.
func (b *builder) field(path, name string, out *gpuagentv1.EnvVar) {
	if onNode[name] {
		out.ValueFrom = &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_FieldPath{FieldPath: name}}
		return
	}
	switch name {
	case "metadata.name":
		out.Value = b.names.Pod
		return
	case "metadata.namespace":
		out.Value = b.names.Namespace
		return
	}
	parts := withKey.FindStringSubmatch(name)
	switch {
	case parts == nil:
		b.problems.Invalid(path, name, "error converting fieldPath: field label not supported: "+name)
	case parts[1] == "annotations" && parts[2] == completionIndex && b.names.Index != "":
		out.Value = b.names.Index
	case parts[1] == "labels":
		out.Value = b.names.Labels[parts[2]]
	default:
		out.Value = Escape(b.names.Annotations[parts[2]])
	}
}

// amount is what a container asks for of something, in units of a divisor. Where
// nothing is asked for there is no limit, which is 0 here.
func (b *builder) amount(path string, r *ResourceFieldRef, c *Container) string {
	texts := map[string]string{}
	for name, text := range c.Resources.Requests {
		texts["requests."+name] = string(text)
	}
	for name, text := range c.Resources.Limits {
		texts["limits."+name] = string(text)
	}
	text, ok := texts[r.Resource]
	if !ok {
		return "0"
	}
	const fine = 1000 // so that both may be fractions
	amount, okAmount := Quantity(text, fine)
	divisor, okDivisor := int64(fine), true
	if r.Divisor != "" && r.Divisor != "0" {
		divisor, okDivisor = Quantity(string(r.Divisor), fine)
	}
	if !okAmount || !okDivisor || divisor == 0 {
		b.problems.Invalid(path+".divisor", string(r.Divisor), badQuantity)
		return "0"
	}
	return strconv.FormatInt((amount+divisor-1)/divisor, 10)
}
