package launch

import (
	"maps"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// The two parts of Kubernetes' NodeAffinity.
const (
	affinityRequired  = "requiredDuringSchedulingIgnoredDuringExecution"
	affinityPreferred = "preferredDuringSchedulingIgnoredDuringExecution"
)

// affinityTerms are the terms of a bound pod's node affinity, of which its node
// has to meet one, and those that it had better meet: Kubernetes' NodeSelectorTerm
// and PreferredSchedulingTerm.
func affinityTerms(pod *ir.Pod) (terms, preferences []any) {
	for _, a := range pod.NodeAffinity {
		if given, ok := a.NodeAffinityJSON.Value().(map[string]any); ok {
			selector, _ := given[affinityRequired].(map[string]any)
			more, _ := selector["nodeSelectorTerms"].([]any)
			terms = append(terms, more...)
			more, _ = given[affinityPreferred].([]any)
			preferences = append(preferences, more...)
			continue
		}
		term := map[string]any{"matchExpressions": a.MatchExpressions, "matchFields": a.MatchFields}
		maps.DeleteFunc(term, func(_ string, v any) bool { return len(v.([]any)) == 0 })
		switch {
		case len(term) == 0:
		case a.Weight != nil:
			preferences = append(preferences, map[string]any{"weight": float64(*a.Weight), "preference": term})
		default:
			terms = append(terms, term)
		}
	}
	return terms, preferences
}

// nodeAffinity has the step's node have the labels that its affinity requires, as
// far as that can be said as a node selector: one term, whose expressions each ask
// for one value of a label. What it prefers, and all else, is a warning.
func (b *podBuilder) nodeAffinity() error {
	terms, preferences := affinityTerms(b.spec)
	if len(preferences) > 0 {
		b.warn("nodeAffinity: what it prefers was ignored; what it requires, with no weight, is honoured")
	}
	if len(terms) == 0 {
		return nil
	}
	labels, ok := labelsOf(terms[0])
	if !ok || len(terms) > 1 {
		b.warn("nodeAffinity was ignored: it can be honoured when it is one term that asks with In for one value of each label")
		return nil
	}
	selector := maps.Clone(b.pod.NodeSelector)
	for key, value := range labels {
		if other, selected := selector[key]; selected && other != value {
			return b.refuse("nodeAffinity", "it requires the label %s to be %q and the node selector %q; no node is both", key, value, other)
		}
	}
	b.pod.NodeSelector = merge(selector, labels)
	return nil
}

// labelsOf are the labels that a term asks for, if that is all it does.
func labelsOf(term any) (labels map[string]string, ok bool) {
	t, _ := term.(map[string]any)
	expressions, _ := t["matchExpressions"].([]any)
	if len(t) != 1 || len(expressions) == 0 {
		return nil, false
	}
	labels = map[string]string{}
	for _, expression := range expressions {
		e, _ := expression.(map[string]any)
		key, _ := e["key"].(string)
		values, _ := e["values"].([]any)
		if key == "" || e["operator"] != "In" || len(values) != 1 {
			return nil, false
		}
		value, isText := values[0].(string)
		if other, twice := labels[key]; !isText || twice && other != value {
			return nil, false
		}
		labels[key] = value
	}
	return labels, true
}
