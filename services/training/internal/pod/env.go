package pod

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// env adds one variable.
func (b *builder) env(path string, e EnvVar, c *Container) {
	b.problems.Name(path+".name", e.Name, field.EnvName)
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
	b.problems.OptionalName(path+".prefix", from.Prefix, field.EnvName)
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
	b.problems.Name(path+".name", name, field.Subdomain)
	b.out.EnvFrom = append(b.out.EnvFrom, out)
}

// source has a variable take its value from elsewhere.
func (b *builder) source(path string, s *EnvSource, c *Container, out *gpuagentv1.EnvVar) {
	if s.count() > 1 {
		b.problems.Invalid(path, "", "may not have more than one field specified at a time")
	}
	switch {
	case s.Field != nil:
		b.field(path+".fieldRef.fieldPath", s.Field.FieldPath, out)
	case s.Resource != nil:
		out.Value = b.amount(path+".resourceFieldRef", s.Resource, c)
	case s.Secret != nil:
		out.ValueFrom = &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_Secret{Secret: b.key(path+".secretKeyRef", s.Secret)}}
	case s.ConfigMap != nil:
		out.ValueFrom = &gpuagentv1.ValueSource{Source: &gpuagentv1.ValueSource_ConfigMap{ConfigMap: b.key(path+".configMapKeyRef", s.ConfigMap)}}
	case s.File != nil:
		b.problems.Warn("%s.fileKeyRef has no effect here: files of variables are not read", path)
	default:
		b.problems.Invalid(path, "", "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`")
	}
}

// count counts where a value is to come from.
func (s *EnvSource) count() int {
	n := 0
	for _, is := range []bool{s.Field != nil, s.Resource != nil, s.Secret != nil, s.ConfigMap != nil, s.File != nil} {
		if is {
			n++
		}
	}
	return n
}

func (b *builder) key(path string, k *KeyRef) *gpuagentv1.KeySelector {
	b.problems.Name(path+".name", k.Name, field.Subdomain)
	b.problems.Name(path+".key", k.Key, field.Key)
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

// measured are the resources whose amounts a container may be told.
var measured = []string{"cpu", "memory", "ephemeral-storage"}

// divisor requires one of the units that Kubernetes divides by.
func (b *builder) divisor(path string, r *ResourceFieldRef) {
	unit := string(r.Divisor)
	switch _, name, _ := strings.Cut(r.Resource, "."); {
	case unit == "", unit == "0", unit == "1":
	case name == "cpu" && unit != "1m":
		b.problems.Invalid(path, r.Resource, "only divisor's values 1m and 1 are supported with the cpu resource")
	case name != "cpu" && !slices.Contains(units, unit):
		b.problems.Invalid(path, r.Resource, "only divisor's values 1, "+strings.Join(units, ", ")+" are supported with the "+name+" resource")
	}
}

// units are those that amounts of bytes are divided by.
var units = []string{"1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"}

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
	switch of, name, _ := strings.Cut(r.Resource, "."); {
	case r.Resource == "":
		b.problems.Required(path+".resource", "")
		return "0"
	case of != "limits" && of != "requests", !slices.Contains(measured, name) && !strings.HasPrefix(name, "hugepages-"):
		b.problems.NotSupported(path+".resource", r.Resource, "limits.cpu", "limits.ephemeral-storage", "limits.memory",
			"requests.cpu", "requests.ephemeral-storage", "requests.memory")
		return "0"
	}
	text, ok := texts[r.Resource]
	const fine = 1000 // so that both may be fractions
	amount, okAmount := Quantity(text, fine)
	if !ok {
		amount, okAmount = 0, true
	}
	divisor, okDivisor := int64(fine), true
	if r.Divisor != "" && r.Divisor != "0" {
		divisor, okDivisor = Quantity(string(r.Divisor), fine)
	}
	if !okAmount || !okDivisor || divisor == 0 {
		b.problems.Invalid(path+".divisor", string(r.Divisor), badQuantity)
		return "0"
	}
	b.divisor(path+".divisor", r)
	return strconv.FormatInt((amount+divisor-1)/divisor, 10)
}
