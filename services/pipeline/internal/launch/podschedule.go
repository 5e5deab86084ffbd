package launch

import (
	"cmp"
	"strconv"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
)

// Schedule is when and where a step has its place.
type Schedule struct {
	Queue, PriorityClass string
	Priority             int32
	// FailWhenUnsatisfiable says that the step fails when it asks for more than there is even
	// if nothing else ran, instead of waiting.
	FailWhenUnsatisfiable bool
}

// Annotations of a step's pod that say how it is placed, and Kueue's labels, which say
// part of it.
const (
	annotationQueue         = "kfmesh.dev/queue"
	annotationPriority      = "kfmesh.dev/priority"
	annotationPriorityClass = "kfmesh.dev/priority-class"
	annotationUnsatisfiable = "kfmesh.dev/when-unsatisfiable"

	labelQueue         = "kueue.x-k8s.io/queue-name"
	labelPriorityClass = "kueue.x-k8s.io/priority-class"
)

// schedule reads the annotations.
func (b *podBuilder) schedule() error {
	labels, annotations := b.spec.PodMetadata.Labels, b.spec.PodMetadata.Annotations
	s := Schedule{
		Queue:         cmp.Or(annotations[annotationQueue], labels[labelQueue]),
		PriorityClass: cmp.Or(annotations[annotationPriorityClass], labels[labelPriorityClass]),
	}
	if text := annotations[annotationPriority]; text != "" {
		n, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return b.refuse("podMetadata.annotations", "%s is %q; it must be a number from -2147483648 to 2147483647", annotationPriority, text)
		}
		s.Priority = int32(n) // #nosec G115 -- as parsed
	}
	switch word := annotations[annotationUnsatisfiable]; word {
	case "", "wait":
	case "fail":
		s.FailWhenUnsatisfiable = true
	default:
		return b.refuse("podMetadata.annotations", "%s is %q; it must be fail or wait", annotationUnsatisfiable, word)
	}
	b.pod.Schedule = s
	return nil
}

// tolerations are those of the pod; a parameter may hold some, in the JSON of Kubernetes.
func (b *podBuilder) tolerations() ([]*gpuagentv1.Toleration, error) {
	var all []*gpuagentv1.Toleration
	for _, each := range tolerationsOf(b.spec) {
		given, ok := each.(map[string]any)
		if !ok {
			return nil, b.refuse("tolerations", "one is %s; it must be a mapping", describe(each))
		}
		word := func(name string) string { text, _ := given[name].(string); return text }
		t := &gpuagentv1.Toleration{Key: word("key"), Value: word("value"), Effect: word("effect")}
		switch operator := word("operator"); {
		case operator == "Exists":
			t.Operator = gpuagentv1.TolerationOperator_TOLERATION_OPERATOR_EXISTS
		case operator != "" && operator != "Equal":
			return nil, b.refuse("tolerations", "the operator %q is neither Equal nor Exists", operator)
		case t.GetKey() == "":
			return nil, b.refuse("tolerations", "one without a key must have the operator Exists, which tolerates everything")
		}
		all = append(all, t)
	}
	return all, nil
}
