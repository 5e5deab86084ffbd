package ir

import (
	"maps"
	"slices"
	"strings"
)

func (v *validator) dag(path string, owner Component) {
	for _, name := range slices.Sorted(maps.Keys(owner.DAG.Tasks)) {
		v.task(path+".dag.tasks."+name, owner, owner.DAG.Tasks[name])
	}
	if cycle := findCycle(owner.DAG.Tasks, Task.Upstream); cycle != nil {
		v.wrong(path+".dag.tasks", "the tasks wait for each other in a circle: %s", strings.Join(cycle, " -> "))
	}
	v.dagOutputs(path, owner)
}

// Upstream returns the names of the tasks of the same DAG that a task waits
// for, sorted and each once: those it depends on and those it reads from.
func (t Task) Upstream() []string {
	names := slices.Clone(t.DependentTasks)
	for _, in := range t.Inputs.Parameters {
		if in.TaskOutputParameter != nil {
			names = append(names, in.TaskOutputParameter.ProducerTask)
		}
		if in.TaskFinalStatus != nil {
			names = append(names, in.TaskFinalStatus.ProducerTask)
		}
	}
	for _, in := range t.Inputs.Artifacts {
		if in.TaskOutputArtifact != nil {
			names = append(names, in.TaskOutputArtifact.ProducerTask)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// nesting reports components that contain themselves, and returns whether there
// are none.
func (v *validator) nesting() bool {
	within := func(c Component) []string {
		if c.DAG == nil {
			return nil
		}
		var names []string
		for _, task := range c.DAG.Tasks {
			names = append(names, task.ComponentRef.Name)
		}
		slices.Sort(names)
		return slices.Compact(names)
	}
	cycle := findCycle(v.spec.Components, within)
	if cycle != nil {
		v.wrong("components."+cycle[0], "contains itself: %s", strings.Join(cycle, " -> "))
	}
	return cycle == nil
}

// findCycle returns the nodes of a cycle, the first again at its end, or nil.
// It keeps its own stack: the depth of a hostile graph is not bounded.
func findCycle[N any](nodes map[string]N, next func(N) []string) []string {
	type frame struct {
		name string
		left []string
	}
	const onStack, finished = 1, 2
	state := make(map[string]int, len(nodes))
	for _, start := range slices.Sorted(maps.Keys(nodes)) {
		if state[start] != 0 {
			continue
		}
		stack := []frame{{start, next(nodes[start])}}
		state[start] = onStack
		for len(stack) > 0 {
			top := &stack[len(stack)-1]
			if len(top.left) == 0 {
				state[top.name] = finished
				stack = stack[:len(stack)-1]
				continue
			}
			name := top.left[0]
			top.left = top.left[1:]
			node, known := nodes[name]
			switch {
			case !known || state[name] == finished:
			case state[name] == onStack:
				var cycle []string
				for _, f := range stack[slices.IndexFunc(stack, func(f frame) bool { return f.name == name }):] {
					cycle = append(cycle, f.name)
				}
				return append(cycle, name)
			default:
				state[name] = onStack
				stack = append(stack, frame{name, next(node)})
			}
		}
	}
	return nil
}

// dagOutputs checks where the outputs of a DAG come from.
func (v *validator) dagOutputs(path string, owner Component) {
	for _, name := range slices.Sorted(maps.Keys(owner.DAG.Outputs.Parameters)) {
		out := owner.DAG.Outputs.Parameters[name]
		at := path + ".dag.outputs.parameters." + name
		switch {
		case (out.ValueFromParameter != nil) == (out.ValueFromOneof != nil):
			v.wrong(at, "must have one of valueFromParameter and valueFromOneof")
		case out.ValueFromParameter != nil:
			v.parameterSelector(at+".valueFromParameter", owner, *out.ValueFromParameter)
		default:
			for i, selector := range out.ValueFromOneof.ParameterSelectors {
				v.parameterSelector(index(at+".valueFromOneof.parameterSelectors", i), owner, selector)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(owner.DAG.Outputs.Artifacts)) {
		for i, selector := range owner.DAG.Outputs.Artifacts[name].ArtifactSelectors {
			at := index(path+".dag.outputs.artifacts."+name+".artifactSelectors", i)
			if c, ok := v.subtask(at, owner, selector); ok {
				if _, known := c.OutputDefinitions.Artifacts[selector.OutputArtifactKey]; !known {
					v.wrong(at+".outputArtifactKey", "task %q has no output artifact %q; %s", selector.ProducerSubtask,
						selector.OutputArtifactKey, choices("it", c.OutputDefinitions.Artifacts))
				}
			}
		}
	}
}

func (v *validator) parameterSelector(path string, owner Component, selector OutputSelector) {
	c, ok := v.subtask(path, owner, selector)
	if !ok {
		return
	}
	if _, known := c.OutputDefinitions.Parameters[selector.OutputParameterKey]; !known {
		v.wrong(path+".outputParameterKey", "task %q has no output parameter %q; %s", selector.ProducerSubtask,
			selector.OutputParameterKey, choices("it", c.OutputDefinitions.Parameters))
	}
}

// subtask returns the component of the task that a selector names.
func (v *validator) subtask(path string, owner Component, selector OutputSelector) (Component, bool) {
	task, known := owner.DAG.Tasks[selector.ProducerSubtask]
	if !known {
		v.wrong(path+".producerSubtask", "there is no task %q in this DAG; %s",
			selector.ProducerSubtask, choices("it", owner.DAG.Tasks))
		return Component{}, false
	}
	c, known := v.spec.Components[task.ComponentRef.Name]
	return c, known
}
