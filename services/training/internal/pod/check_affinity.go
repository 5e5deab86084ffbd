package pod

import (
	"fmt"

	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// affinity says what is wrong with where pods would rather be. It has no effect here.
func (b *builder) affinity() {
	a, at := b.spec.Affinity, b.path+".affinity"
	if a == nil {
		return
	}
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	if n := a.Node; n != nil && n.Required != nil {
		where := at + ".nodeAffinity." + required + ".nodeSelectorTerms"
		if len(n.Required.Terms) == 0 {
			b.problems.Required(where, "must have at least one node selector term")
		}
		for i, term := range n.Required.Terms {
			b.requirements(fmt.Sprintf("%s[%d].matchExpressions", where, i), term.Expressions, "DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
		}
	}
	if a.Node != nil {
		for i, p := range a.Node.Preferred {
			where := fmt.Sprintf("%s.nodeAffinity.%s[%d]", at, preferred, i)
			b.weight(where+".weight", p.Weight)
			b.requirements(where+".preference.matchExpressions", p.Term.Expressions, "DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
		}
	}
	for name, of := range map[string]*PodAffinity{"podAffinity": a.Pod, "podAntiAffinity": a.AntiPod} {
		if of == nil {
			continue
		}
		for i, term := range of.Required {
			b.podTerm(fmt.Sprintf("%s.%s.%s[%d]", at, name, required, i), term)
		}
		for i, p := range of.Preferred {
			where := fmt.Sprintf("%s.%s.%s[%d]", at, name, preferred, i)
			b.weight(where+".weight", p.Weight)
			b.podTerm(where+".podAffinityTerm", p.Term)
		}
	}
}

const mostWeight = 100

func (b *builder) weight(at string, weight int32) {
	if weight < 1 || weight > mostWeight {
		b.problems.Invalid(at, weight, "must be in the range 1-100")
	}
}

func (b *builder) podTerm(at string, t PodTerm) {
	if t.TopologyKey == "" {
		b.problems.Required(at+".topologyKey", "can not be empty")
	}
	b.problems.OptionalName(at+".topologyKey", t.TopologyKey, field.QualifiedName)
	if s := t.Selector; s != nil {
		b.problems.Labels(at+".labelSelector.matchLabels", s.Labels)
		b.requirements(at+".labelSelector.matchExpressions", s.Expressions, "DoesNotExist", "Exists", "In", "NotIn")
	}
}

// requirements says what is wrong with requirements of labels, by operators that there are.
func (b *builder) requirements(at string, all []Requirement, operators ...string) {
	for i, r := range all {
		where := fmt.Sprintf("%s[%d]", at, i)
		b.problems.Name(where+".key", r.Key, field.QualifiedName)
		switch r.Operator {
		case "In", "NotIn":
			if len(r.Values) == 0 {
				b.problems.Required(where+".values", "must be specified when `operator` is 'In' or 'NotIn'")
			}
		case "Exists", "DoesNotExist":
			if len(r.Values) > 0 {
				b.problems.Forbidden(where+".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
			}
		case "Gt", "Lt":
			if len(r.Values) != 1 {
				b.problems.Required(where+".values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
			}
		default:
			b.problems.Invalid(where+".operator", r.Operator, "not a valid selector operator")
			continue
		}
		b.oneOf(where+".operator", r.Operator, operators...)
		for n, value := range r.Values {
			b.problems.OptionalName(fmt.Sprintf("%s.values[%d]", where, n), value, field.LabelValue)
		}
	}
}
