package ir

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
)

// taskScope is a task with what is around it.
type taskScope struct {
	path  string    // of the task
	owner Component // whose DAG the task is in
	task  Task
	// component is what the task runs; found tells whether it exists.
	component Component
	found     bool
}

func (v *validator) task(path string, owner Component, task Task) {
	s := taskScope{path: path, owner: owner, task: task}
	s.component, s.found = v.spec.Components[task.ComponentRef.Name]
	if !s.found {
		v.wrong(path+".componentRef.name", "there is no component %q; %s",
			task.ComponentRef.Name, choices("components", v.spec.Components))
	}
	for i, name := range task.DependentTasks {
		if _, known := owner.DAG.Tasks[name]; !known {
			v.wrong(index(path+".dependentTasks", i), "there is no task %q in this DAG; %s",
				name, choices("it", owner.DAG.Tasks))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(task.Inputs.Parameters)) {
		v.parameterInput(s, name, task.Inputs.Parameters[name])
	}
	for _, name := range slices.Sorted(maps.Keys(task.Inputs.Artifacts)) {
		v.artifactInput(s, name, task.Inputs.Artifacts[name])
	}
	if s.found {
		v.requiredInputs(s)
	}
	v.iterator(s)
	v.policies(s)
}

// requiredInputs reports inputs that the component needs and the task does not give.
func (v *validator) requiredInputs(s taskScope) {
	for _, name := range slices.Sorted(maps.Keys(s.component.InputDefinitions.Parameters)) {
		def := s.component.InputDefinitions.Parameters[name]
		_, given := s.task.Inputs.Parameters[name]
		if !given && !def.IsOptional && !def.HasDefault && name != s.itemInput() {
			v.wrong(s.path+".inputs.parameters."+name, "is missing; component %q requires it", s.task.ComponentRef.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.component.InputDefinitions.Artifacts)) {
		def := s.component.InputDefinitions.Artifacts[name]
		_, given := s.task.Inputs.Artifacts[name]
		if !given && !def.IsOptional && name != s.itemInput() {
			v.wrong(s.path+".inputs.artifacts."+name, "is missing; component %q requires it", s.task.ComponentRef.Name)
		}
	}
}

// itemInput is the input that a loop gives to each iteration, empty without a loop.
func (s taskScope) itemInput() string {
	switch {
	case s.task.ParameterIterator != nil:
		return s.task.ParameterIterator.ItemInput
	case s.task.ArtifactIterator != nil:
		return s.task.ArtifactIterator.ItemInput
	}
	return ""
}

func (v *validator) iterator(s taskScope) {
	if s.task.ParameterIterator != nil && s.task.ArtifactIterator != nil {
		v.wrong(s.path, "has both parameterIterator and artifactIterator; it must have one")
	}
	if p := s.task.ParameterIterator; p != nil {
		path := s.path + ".parameterIterator"
		v.itemName(path, p.ItemInput)
		v.items(path+".items", s, p.Items.Raw, p.Items.InputParameter)
	}
	if a := s.task.ArtifactIterator; a != nil {
		path := s.path + ".artifactIterator"
		v.itemName(path, a.ItemInput)
		if _, given := s.task.Inputs.Artifacts[a.Items.InputArtifact]; !given {
			v.wrong(path+".items.inputArtifact", "the task has no input artifact %q", a.Items.InputArtifact)
		}
	}
	if p := s.task.IteratorPolicy; p != nil && p.ParallelismLimit < 0 {
		v.wrong(s.path+".iteratorPolicy.parallelismLimit", "is %d; it must be 0 (no limit) or more", p.ParallelismLimit)
	}
}

func (v *validator) itemName(path, itemInput string) {
	if itemInput == "" {
		v.wrong(path+".itemInput", "is missing; it names the input that gets each item")
	}
}

func (v *validator) items(path string, s taskScope, raw, inputParameter string) {
	var list []any
	switch {
	case raw != "" && inputParameter != "":
		v.wrong(path, "has both raw and inputParameter; it must have one")
	case raw != "":
		if err := json.Unmarshal([]byte(raw), &list); err != nil {
			v.wrong(path+".raw", "must be a JSON list, is %s", kindOf(raw))
		}
	case inputParameter == "":
		v.wrong(path, "has neither raw nor inputParameter; it must have one")
	default:
		if _, given := s.task.Inputs.Parameters[inputParameter]; !given {
			v.wrong(path+".inputParameter", "the task has no input parameter %q", inputParameter)
		}
	}
}

// policies checks when a task starts and how it is retried.
func (v *validator) policies(s taskScope) {
	if p := s.task.TriggerPolicy; p != nil {
		if p.Condition != "" {
			v.because(s.path+".triggerPolicy.condition", v.conditions.Check(p.Condition))
		}
		strategies := []string{"TRIGGER_STRATEGY_UNSPECIFIED", "ALL_UPSTREAM_TASKS_SUCCEEDED", AllUpstreamCompleted}
		if p.Strategy != "" && !slices.Contains(strategies, p.Strategy) {
			v.wrong(s.path+".triggerPolicy.strategy", "is %q; it must be one of %s", p.Strategy, strings.Join(strategies, ", "))
		}
	}
	r := s.task.RetryPolicy
	if r == nil {
		return
	}
	path := s.path + ".retryPolicy"
	if r.MaxRetryCount < 0 {
		v.wrong(path+".maxRetryCount", "is %d; it must be 0 or more", r.MaxRetryCount)
	}
	if r.BackoffDuration < 0 {
		v.wrong(path+".backoffDuration", "must not be negative")
	}
	if r.BackoffMaxDuration < 0 {
		v.wrong(path+".backoffMaxDuration", "must not be negative")
	}
	if r.BackoffFactor < 0 {
		v.wrong(path+".backoffFactor", "is %v; it must be 0 or more", r.BackoffFactor)
	}
}

func (v *validator) selector(path, selector string) {
	v.because(path, expr.CheckSelector(selector))
}
