package pod

import (
	"fmt"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/services/training/internal/field"
)

// tolerations are those of the pod, checked as Kubernetes checks them.
func (b *builder) tolerations() []*gpuagentv1.Toleration {
	var all []*gpuagentv1.Toleration
	for i, t := range b.spec.Tolerations {
		path := fmt.Sprintf("%s.tolerations[%d]", b.path, i)
		out := &gpuagentv1.Toleration{Key: t.Key, Value: t.Value, Effect: t.Effect}
		b.problems.OptionalName(path+".key", t.Key, field.QualifiedName)
		if t.Seconds != nil && t.Effect != "NoExecute" {
			b.problems.Invalid(path+".effect", t.Effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
		}
		switch t.Operator {
		case "", "Equal":
			b.problems.OptionalName(path+".operator", t.Value, field.LabelValue)
			if t.Key == "" {
				b.problems.Invalid(path+".operator", t.Operator, "operator must be Exists when `key` is empty, which means \"match all values and all keys\"")
			}
		case "Exists":
			out.Operator = gpuagentv1.TolerationOperator_TOLERATION_OPERATOR_EXISTS
			if t.Value != "" {
				b.problems.Invalid(path+".operator", t.Value, "value must be empty when `operator` is 'Exists'")
			}
		default:
			b.problems.NotSupported(path+".operator", t.Operator, "Equal", "Exists")
		}
		switch t.Effect {
		case "", "NoSchedule", "PreferNoSchedule", "NoExecute":
		default:
			b.problems.NotSupported(path+".effect", t.Effect, "NoExecute", "NoSchedule", "PreferNoSchedule")
		}
		all = append(all, out)
	}
	return all
}
