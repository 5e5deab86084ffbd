package ir

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// isSetting reports whether the SDK added an input to a task for a setting of it
// that comes from a parameter; the component does not declare it, and nothing
// reads it.
func isSetting(name string) bool {
	return slices.Contains([]string{
		"base_image", "cpu_request", "cpu_limit", "memory_request", "memory_limit", "accelerator_type", "accelerator_count",
	}, name)
}

// isChannel reports whether the SDK added an input to a task for a reference
// inside its other inputs; the component does not declare it.
func isChannel(name string) bool { return strings.HasPrefix(name, channelPrefix) }

func (v *validator) parameterInput(s taskScope, name string, in ParameterInput) {
	path := s.path + ".inputs.parameters." + name
	def, declared := s.component.InputDefinitions.Parameters[name]
	if s.found && !declared && !isChannel(name) && !isSetting(name) {
		v.wrong(path, "component %q has no such input parameter; %s",
			s.task.ComponentRef.Name, choices("it", s.component.InputDefinitions.Parameters))
	}
	v.selector(path+".parameterExpressionSelector", in.ParameterExpressionSelector)
	switch {
	case sources(in) != 1:
		v.wrong(path, "has %d sources; it must have one of taskOutputParameter, runtimeValue, "+
			"componentInputParameter and taskFinalStatus", sources(in))
	case in.ComponentInputParameter != "":
		from, known := s.owner.InputDefinitions.Parameters[in.ComponentInputParameter]
		if !known && !v.isLoopItem(in.ComponentInputParameter) {
			v.wrong(path+".componentInputParameter", "the component around the task has no input parameter %q; %s",
				in.ComponentInputParameter, choices("it", s.owner.InputDefinitions.Parameters))
		} else if known && declared {
			v.flow(path, in, from.ParameterType, def.ParameterType)
		}
	case in.TaskOutputParameter != nil:
		v.taskOutput(path, s, in, def, declared)
	case in.TaskFinalStatus != nil:
		v.producer(path+".taskFinalStatus.producerTask", s, in.TaskFinalStatus.ProducerTask)
	case in.RuntimeValue.RuntimeParameter != "":
		v.wrong(path+".runtimeValue.runtimeParameter", "is not supported; use constant")
	default:
		v.references(path+".runtimeValue.constant", s, in.RuntimeValue.Constant)
		if declared {
			v.constant(path+".runtimeValue.constant", in, def)
		}
	}
}

// isLoopItem reports whether a name means the item of a loop.
func (v *validator) isLoopItem(name string) bool {
	item, _, ok := LoopItem(name)
	return ok && v.loopItems[item]
}

// sources counts where an input says it comes from.
func sources(in ParameterInput) int {
	n := 0
	for _, set := range []bool{
		in.TaskOutputParameter != nil, in.RuntimeValue != nil, in.ComponentInputParameter != "", in.TaskFinalStatus != nil,
	} {
		if set {
			n++
		}
	}
	return n
}

func (v *validator) taskOutput(path string, s taskScope, in ParameterInput, def ParameterDef, declared bool) {
	from := in.TaskOutputParameter
	producer, ok := v.producer(path+".taskOutputParameter.producerTask", s, from.ProducerTask)
	if !ok {
		return
	}
	component, known := v.spec.Components[producer.ComponentRef.Name]
	if !known {
		return // reported at the producer
	}
	out, known := component.OutputDefinitions.Parameters[from.OutputParameterKey]
	switch {
	case !known:
		v.wrong(path+".taskOutputParameter.outputParameterKey", "task %q has no output parameter %q; %s",
			from.ProducerTask, from.OutputParameterKey, choices("it", component.OutputDefinitions.Parameters))
	case declared && producer.ParameterIterator == nil && producer.ArtifactIterator == nil:
		v.flow(path, in, out.ParameterType, def.ParameterType)
	}
}

// producer finds the task of the same DAG that an input names.
func (v *validator) producer(path string, s taskScope, name string) (Task, bool) {
	producer, ok := s.owner.DAG.Tasks[name]
	if !ok {
		v.wrong(path, "there is no task %q in this DAG; %s", name, choices("it", s.owner.DAG.Tasks))
	}
	return producer, ok
}

// flow reports a value of one type that goes where only another fits. What a
// selector picks and what a loop hands out can be of any type, numbers fit each
// other when they are whole, and everything can become text.
func (v *validator) flow(path string, in ParameterInput, from, to ParameterType) {
	isStruct := func(t ParameterType) bool { return t == Struct || t == TaskFinalStatus || t == TaskConfig }
	switch {
	case in.ParameterExpressionSelector != "" || strings.HasSuffix(in.ComponentInputParameter, "-loop-item"):
	case from == to || to == String || from == "" || to == "":
	case isNumber(from) && isNumber(to), isStruct(from) && isStruct(to):
	default:
		v.wrong(path, "takes %s and would get %s", to, from)
	}
}

func isNumber(t ParameterType) bool { return t == NumberDouble || t == NumberInteger }

// inputReference matches a reference to an input parameter inside a constant,
// as the SDK writes it for an f-string.
var inputReference = regexp.MustCompile(`\{\{\$\.inputs\.parameters\['([^']+)'\]\}\}`)

// references checks that what a constant refers to is beside it.
func (v *validator) references(path string, s taskScope, constant any) {
	text, _ := constant.(string)
	for _, match := range inputReference.FindAllStringSubmatch(text, -1) {
		_, given := s.task.Inputs.Parameters[match[1]]
		_, declared := s.component.InputDefinitions.Parameters[match[1]]
		if !given && !declared {
			v.wrong(path, "%s: the task has no input parameter %q", match[0], match[1])
		}
	}
}

func (v *validator) constant(path string, in ParameterInput, def ParameterDef) {
	value := in.RuntimeValue.Constant
	text, isText := value.(string)
	switch {
	case in.ParameterExpressionSelector != "" || value == nil || def.ParameterType == String:
	case isText && strings.Contains(text, "{{$"): // known once it is resolved
	case !def.ParameterType.Holds(value):
		v.wrong(path, "must be %s, is %s", def.ParameterType.describe(), kindOf(value))
	}
}

func (v *validator) artifactInput(s taskScope, name string, in ArtifactInput) {
	path := s.path + ".inputs.artifacts." + name
	if _, declared := s.component.InputDefinitions.Artifacts[name]; s.found && !declared && !isChannel(name) {
		v.wrong(path, "component %q has no such input artifact; %s",
			s.task.ComponentRef.Name, choices("it", s.component.InputDefinitions.Artifacts))
	}
	switch {
	case (in.TaskOutputArtifact != nil) == (in.ComponentInputArtifact != ""):
		v.wrong(path, "must have one of taskOutputArtifact and componentInputArtifact")
	case in.ComponentInputArtifact != "":
		if _, known := s.owner.InputDefinitions.Artifacts[in.ComponentInputArtifact]; !known {
			v.wrong(path+".componentInputArtifact", "the component around the task has no input artifact %q; %s",
				in.ComponentInputArtifact, choices("it", s.owner.InputDefinitions.Artifacts))
		}
	default:
		from := in.TaskOutputArtifact
		producer, ok := v.producer(path+".taskOutputArtifact.producerTask", s, from.ProducerTask)
		component, known := v.spec.Components[producer.ComponentRef.Name]
		if !ok || !known {
			return
		}
		if _, known := component.OutputDefinitions.Artifacts[from.OutputArtifactKey]; !known {
			v.wrong(path+".taskOutputArtifact.outputArtifactKey", "task %q has no output artifact %q; %s",
				from.ProducerTask, from.OutputArtifactKey, choices("it", component.OutputDefinitions.Artifacts))
		}
	}
}

func index(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }
