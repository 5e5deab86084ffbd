package launch

import (
	"maps"
	"slices"
)

// node says where the step may run. Of that labels and taints of nodes mean something
// here.
func (b *podBuilder) node() error {
	selector, err := b.nodeSelector()
	if err != nil {
		return err
	}
	b.pod.NodeSelector = selector
	if b.pod.Tolerations, err = b.tolerations(); err != nil {
		return err
	}
	if err := b.nodeAffinity(); err != nil {
		return err
	}
	if len(b.spec.PodAffinity) > 0 {
		b.warn("podAffinity was ignored: where a step runs does not depend on where others do")
	}
	if len(b.spec.PodResourceClaims) > 0 {
		b.warn("podResourceClaims was ignored; GPUs are asked for as accelerators")
	}
	return nil
}

// nodeSelector is the labels that the step's node must have; those given as JSON
// win over those given one by one.
func (b *podBuilder) nodeSelector() (map[string]string, error) {
	const field = "nodeSelector.nodeSelectorJson"
	selector := b.spec.NodeSelector
	switch given := selector.NodeSelectorJSON.Value().(type) {
	case nil:
		if selector.NodeSelectorJSON != nil { // its parameter has no value
			return nil, nil
		}
		return selector.Labels, nil
	case map[string]any:
		labels := make(map[string]string, len(given))
		for _, key := range slices.Sorted(maps.Keys(given)) {
			value, isText := given[key].(string)
			if !isText {
				return nil, b.refuse(field, "the label %q is %s; it must be text", key, describe(given[key]))
			}
			labels[key] = value
		}
		return labels, nil
	default:
		return nil, b.refuse(field, "it is %s; it must be a mapping of labels", describe(given))
	}
}
