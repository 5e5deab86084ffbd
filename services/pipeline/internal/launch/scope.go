package launch

import (
	"fmt"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/placeholder"
)

// component returns the component and executor of a request.
func (req Request) component() (ir.Component, ir.Executor, error) {
	c, ok := req.Spec.Components[req.Component]
	if !ok {
		return c, ir.Executor{}, fault.Internalf(nil, "the pipeline has no component %q", req.Component)
	}
	e, ok := req.Spec.DeploymentSpec.Executors[c.ExecutorLabel]
	if !ok {
		return c, e, fault.Internalf(nil, "component %q has no executor", req.Component)
	}
	return c, e, nil
}

// scope is what the placeholders of a request may refer to, as the step sees
// it: every artifact by its local path.
func (req Request) scope(c ir.Component, inputs ir.Values) *placeholder.Scope {
	return &placeholder.Scope{
		Inputs: inputs,
		Outputs: placeholder.Outputs{
			File:       req.Layout.OutputFile(),
			Parameters: req.parameterFiles(c),
			Artifacts:  req.outputArtifacts(c),
		},
		Path: req.LocalPath,
		Job: placeholder.Job{
			Name:         req.Run.Name,
			ResourceName: req.Run.ResourceName(),
			UUID:         req.Run.ID,
			TaskName:     req.Task.Name,
			TaskUUID:     req.Task.ID,
			Created:      req.Run.Created,
			Scheduled:    req.Run.Scheduled,
			Root:         req.Run.PipelineRoot,
			Workspace:    req.Run.Workspace,
		},
	}
}

func (req Request) parameterFiles(c ir.Component) map[string]string {
	files := make(map[string]string, len(c.OutputDefinitions.Parameters))
	for name := range c.OutputDefinitions.Parameters {
		files[name] = req.Layout.ParameterFile(name)
	}
	return files
}

// outputArtifacts are the artifacts the task is to make, where they are kept.
func (req Request) outputArtifacts(c ir.Component) map[string]ir.Artifact {
	artifacts := make(map[string]ir.Artifact, len(c.OutputDefinitions.Artifacts))
	for name, def := range c.OutputDefinitions.Artifacts {
		artifacts[name] = ir.Artifact{
			Name:     name,
			Type:     def.ArtifactType.SchemaTitle,
			URI:      req.Layout.ArtifactURI(name),
			Metadata: def.Metadata,
		}
	}
	return artifacts
}

// inputs are the task's inputs as the step sees them: defaults added,
// references resolved, values of the declared types.
func (req Request) inputs(c ir.Component) (ir.Values, error) {
	withDefaults := make(map[string]any, len(req.Inputs.Parameters))
	for name, def := range c.InputDefinitions.Parameters {
		if def.HasDefault {
			withDefaults[name] = def.DefaultValue
		}
	}
	for name, value := range req.Inputs.Parameters {
		withDefaults[name] = value
	}
	given := ir.Values{Parameters: withDefaults, Artifacts: req.Inputs.Artifacts}
	resolved, err := req.scope(c, given).ResolveInputs()
	if err != nil {
		return ir.Values{}, err
	}
	for name, def := range c.InputDefinitions.Parameters {
		if err := req.convert(resolved.Parameters, name, def); err != nil {
			return ir.Values{}, err
		}
	}
	return resolved, nil
}

// convert makes one input parameter a value of its declared type.
func (req Request) convert(parameters map[string]any, name string, def ir.ParameterDef) error {
	value, present := parameters[name]
	switch {
	case !present && !def.IsOptional:
		return fault.New(fault.Invalid, "task %q needs the input parameter %q, which was not given", req.Task.Name, name)
	case value == nil:
		return nil // an optional parameter that was not given, or null
	case def.ParameterType == ir.String:
		text, err := placeholder.Text(value)
		parameters[name] = text
		return err
	case !def.ParameterType.Holds(value):
		return fault.New(fault.Invalid, "task %q: the input parameter %q takes %s and got %s",
			req.Task.Name, name, def.ParameterType, describe(value))
	}
	return nil
}

// describe shows a value in a message.
func describe(value any) string {
	text, err := placeholder.Text(value)
	if err != nil {
		return fmt.Sprintf("a %T", value)
	}
	if len(text) > 60 {
		text = text[:60] + "..."
	}
	if _, isText := value.(string); isText {
		return fmt.Sprintf("the text %q", text)
	}
	return text
}
