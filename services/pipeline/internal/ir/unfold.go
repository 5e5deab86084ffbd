package ir

// MaxTasks is the most tasks that a pipeline may have with every nested
// component put in place of the task that refers to it, loops counted once; and
// the most that a run may have with every iteration counted.
const MaxTasks = 1_000_000

// size reports a pipeline that few components in each other make too large to
// run: it would be only while it runs that it fills the memory.
func (v *validator) size() {
	if NewSizes(v.spec).Of(v.spec.Root) > MaxTasks {
		v.wrong("root.dag", "has more than %d tasks with those of the components in it; it must have fewer", MaxTasks)
	}
}

// Sizes counts the tasks of components with those of the components in them.
type Sizes struct {
	spec  *Spec
	known map[string]int // by component
}

// NewSizes counts for the components of a spec, none of which contains itself.
func NewSizes(spec *Spec) Sizes { return Sizes{spec: spec, known: map[string]int{}} }

// Of returns the number of tasks in a component, loops counted once, and MaxTasks
// and one for any larger.
func (s Sizes) Of(c Component) int {
	if c.DAG == nil {
		return 0
	}
	total := 0
	for _, task := range c.DAG.Tasks {
		name := task.ComponentRef.Name
		n, known := s.known[name]
		if !known {
			n = s.Of(s.spec.Components[name])
			s.known[name] = n
		}
		if total += 1 + n; total > MaxTasks {
			return MaxTasks + 1
		}
	}
	return total
}
