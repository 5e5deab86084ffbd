package dag

import (
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// collect returns the outputs of a composite that succeeded.
func (n *node) collect() ir.Values {
	if n.loop != nil {
		return n.gather()
	}
	var out ir.Values
	for name, source := range n.component.DAG.Outputs.Parameters {
		for _, s := range parameterSelectors(source) {
			if value, ok := n.producer(s).outputs.Parameters[s.OutputParameterKey]; ok {
				put(&out.Parameters, name, value)
				break
			}
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
// that made it, in order. A loop in a loop makes a list of lists of a parameter,
// and one list of artifacts, whose lists cannot hold lists.
func (n *node) gather() ir.Values {
	var out ir.Values
	for name := range n.component.OutputDefinitions.Parameters {
		list := []any{}
		for _, c := range n.children {
			if value, ok := c.outputs.Parameters[name]; ok {
				list = append(list, value)
			}
		}
		put(&out.Parameters, name, any(list))
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
