package dag

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// errAbsent says that the source of an input has no value.
var errAbsent = errors.New("it has no value and no default")

// resolve returns the inputs of a task: what it reads from its DAG's inputs and
// from the tasks beside it. An input whose source has no value is left out when
// the component can do without.
func (p *Plan) resolve(n *node) (ir.Values, error) {
	in := ir.Values{}
	for _, name := range slices.Sorted(maps.Keys(n.task.Inputs.Parameters)) {
		value, err := p.parameter(n, n.task.Inputs.Parameters[name])
		def, declared := n.component.InputDefinitions.Parameters[name]
		switch {
		case err == nil:
			put(&in.Parameters, name, value)
		case !errors.Is(err, errAbsent) || declared && !def.IsOptional && !def.HasDefault && !n.mayLack(name):
			return in, fmt.Errorf("input %q: %w", name, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.task.Inputs.Artifacts)) {
		artifacts, err := n.artifacts(n.task.Inputs.Artifacts[name])
		def, declared := n.component.InputDefinitions.Artifacts[name]
		switch {
		case err == nil:
			put(&in.Artifacts, name, artifacts)
		case declared && !def.IsOptional:
			return in, fmt.Errorf("input artifact %q: %w", name, err)
		}
	}
	if err := supplyMissing(n, &in); err != nil {
		return in, err
	}
	if n.isLeaf() {
		return in, nil // placeholders in parameters are resolved when the step is built
	}
	return p.resolveReferences(in)
}

// parameter returns the value of one input; errAbsent when there is none.
func (p *Plan) parameter(n *node, source ir.ParameterInput) (any, error) {
	value, err := p.source(n, source)
	if err != nil || source.ParameterExpressionSelector == "" {
		return value, err
	}
	return p.part(source.ParameterExpressionSelector, value)
}

// part returns what an expression selects of a value.
func (p *Plan) part(selector string, value any) (any, error) {
	whole, err := p.options.Load.Whole(value)
	if err != nil {
		return nil, err
	}
	return expr.Select(selector, whole)
}

func (p *Plan) source(n *node, source ir.ParameterInput) (any, error) {
	switch {
	case source.ComponentInputParameter != "":
		if value, ok := n.parent.inputs.Parameters[source.ComponentInputParameter]; ok {
			return value, nil
		}
		return p.loopItem(n, source.ComponentInputParameter)
	case source.TaskOutputParameter != nil:
		from := source.TaskOutputParameter
		if up := n.sibling(from.ProducerTask); up != nil {
			if value, ok := up.outputs.Parameters[from.OutputParameterKey]; ok {
				return value, nil
			}
		}
		return nil, fmt.Errorf("task %q made no output %q: %w", from.ProducerTask, from.OutputParameterKey, errAbsent)
	case source.TaskFinalStatus != nil:
		return p.finalStatus(n.sibling(source.TaskFinalStatus.ProducerTask)), nil
	case source.RuntimeValue != nil:
		return source.RuntimeValue.Constant, nil
	}
	return nil, errAbsent
}

// loopItem returns the item of a loop around the node, or an entry of it, by
// the name that the SDK gives it; errAbsent when there is no such loop.
func (p *Plan) loopItem(n *node, name string) (any, error) {
	item, key, ok := ir.LoopItem(name)
	for around := n.parent; ok && around != nil; around = around.parent {
		if !around.isIteration() || around.parent.loop.parameter != item {
			continue
		}
		value := around.parent.loop.items[around.index]
		if key == "" {
			return value, nil
		}
		return p.part(expr.Entry(key), value)
	}
	return nil, errAbsent
}

// artifacts returns the artifacts of one input; errAbsent when there are none.
func (n *node) artifacts(source ir.ArtifactInput) ([]ir.Artifact, error) {
	if source.ComponentInputArtifact != "" {
		if artifacts, ok := n.parent.inputs.Artifacts[source.ComponentInputArtifact]; ok {
			return artifacts, nil
		}
		return nil, errAbsent
	}
	from := source.TaskOutputArtifact
	if from == nil {
		return nil, errAbsent
	}
	if up := n.sibling(from.ProducerTask); up != nil {
		if artifacts, ok := up.outputs.Artifacts[from.OutputArtifactKey]; ok {
			return artifacts, nil
		}
	}
	return nil, fmt.Errorf("task %q made no artifact %q: %w", from.ProducerTask, from.OutputArtifactKey, errAbsent)
}

// finalStatus is what an exit task learns of the task it follows. The words are
// those of the KFP backend, which compiled pipelines compare with: COMPLETE, not
// SUCCEEDED.
func (p *Plan) finalStatus(up *node) map[string]any {
	status := map[string]any{
		"pipelineJobResourceName": p.run.ResourceName,
		"state":                   "COMPLETE",
		"error":                   map[string]any{},
	}
	if up == nil {
		return status
	}
	status["pipelineTaskName"] = up.name
	if up.state != pipelinev1.RuntimeState_SUCCEEDED {
		status["state"] = up.state.String()
		status["error"] = map[string]any{"message": up.message}
	}
	return status
}

// supplyMissing gives the parameters of a node that have no value their
// default, or null where they are optional; it fails for any other. A leaf's
// defaults are left to whoever builds the step, and so is an optional null.
func supplyMissing(n *node, in *ir.Values) error {
	var missing []string
	for name, def := range n.component.InputDefinitions.Parameters {
		value, ok := in.Parameters[name]
		switch {
		case ok && value == nil && def.IsOptional && n.isLeaf():
			delete(in.Parameters, name)
		case ok || n.isItem(name) || n.mayLack(name):
		case !def.HasDefault && !def.IsOptional:
			missing = append(missing, name)
		case n.isLeaf():
		case def.HasDefault:
			put(&in.Parameters, name, def.DefaultValue)
		default:
			put(&in.Parameters, name, nil)
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("input %q: %w", missing[0], errAbsent)
	}
	return nil
}

// isItem reports whether the input is what a loop node gives to each iteration.
func (n *node) isItem(input string) bool {
	return n.iterates() && n.task.ParameterIterator != nil && n.task.ParameterIterator.ItemInput == input
}

// mayLack reports whether a composite may do without an input: one that hands
// the item of a loop further in to itself, which is there for those that ask.
func (n *node) mayLack(input string) bool {
	_, _, isItem := ir.LoopItem(input)
	return isItem && !n.isLeaf()
}

// resolveReferences replaces {{$.inputs...}} inside the constants that a nested
// DAG is given: they mean the inputs beside them, which its tasks do not see.
func (p *Plan) resolveReferences(in ir.Values) (ir.Values, error) {
	var constants []string
	for _, value := range in.Parameters {
		if text, ok := value.(string); ok && strings.Contains(text, "{{$") {
			constants = append(constants, text)
		}
	}
	if len(constants) == 0 {
		return in, nil
	}
	parameters, err := p.options.Load.Parameters(in.Parameters, func(name string) bool {
		return slices.ContainsFunc(constants, func(text string) bool { return strings.Contains(text, name) })
	})
	if err != nil {
		return in, err
	}
	scope := placeholder.Scope{Inputs: ir.Values{Parameters: parameters, Artifacts: in.Artifacts}}
	resolved, err := scope.ResolveInputs()
	if err != nil {
		return in, err
	}
	for name, value := range in.Parameters {
		if ir.HoldsLarge(value) { // a large value holds no references
			resolved.Parameters[name] = value
		}
	}
	return resolved, nil
}

func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = map[string]V{}
	}
	(*m)[key] = value
}
