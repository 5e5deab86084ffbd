package dag

import (
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// outputs are what a node made.
type outputs struct {
	ir.Values
	// gathered are the parameters that are lists over the iterations of a loop.
	// A loop around that loop appends them instead of nesting them.
	gathered map[string]bool
}

// collect returns the outputs of a composite that succeeded.
func (n *node) collect() outputs {
	if n.loop != nil {
		return n.gather()
	}
	var out outputs
	for name, source := range n.component.DAG.Outputs.Parameters {
		for _, s := range parameterSelectors(source) {
			from := n.producer(s)
			value, ok := from.outputs.Parameters[s.OutputParameterKey]
			if !ok {
				continue
			}
			put(&out.Parameters, name, value)
			if from.outputs.gathered[s.OutputParameterKey] && ir.IsChannel(name) {
				put(&out.gathered, name, true)
			}
			break
		}
	}
	for name, source := range n.component.DAG.Outputs.Artifacts {
		for _, s := range source.ArtifactSelectors {
			if artifacts, ok := n.producer(s).outputs.Artifacts[s.OutputArtifactKey]; ok {
				put(&out.Artifacts, name, artifacts)
				break
			}
		}
	}
	return out
}

// gather returns the outputs of a loop: of each, the list over all iterations
// that made it, in order.
func (n *node) gather() outputs {
	var out outputs
	for name := range n.component.OutputDefinitions.Parameters {
		list := []any{}
		for _, c := range n.children {
			value, ok := c.outputs.Parameters[name]
			if inner, isList := value.([]any); isList && c.outputs.gathered[name] {
				list = append(list, inner...)
			} else if ok {
				list = append(list, value)
			}
		}
		put(&out.Parameters, name, any(list))
		put(&out.gathered, name, true)
	}
	for name := range n.component.OutputDefinitions.Artifacts {
		list := []ir.Artifact{}
		for _, c := range n.children {
			list = append(list, c.outputs.Artifacts[name]...)
		}
		put(&out.Artifacts, name, list)
	}
	return out
}

// producer returns the task an output comes from, or an empty node, which has
// no outputs, when the task did not succeed.
func (n *node) producer(s ir.OutputSelector) *node {
	if i, ok := n.graph.index[s.ProducerSubtask]; ok {
		if c := n.children[i]; c.state == pipelinev1.RuntimeState_SUCCEEDED {
			return c
		}
	}
	return &node{}
}

func parameterSelectors(source ir.DAGParameterOutput) []ir.OutputSelector {
	if source.ValueFromParameter != nil {
		return []ir.OutputSelector{*source.ValueFromParameter}
	}
	if source.ValueFromOneof != nil {
		return source.ValueFromOneof.ParameterSelectors
	}
	return nil
}
