package placeholder

import (
	"maps"
	"slices"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

// ResolveInputs returns the scope's inputs with the references inside parameter
// values resolved, each after the ones it refers to, as the SDK writes them for
// f-strings. A circle is an error. What is not a reference to something the
// task has stays as it is: values are data, and data may hold any text. That
// the references of a pipeline's constants name something, ir.Validate checks.
func (s *Scope) ResolveInputs() (ir.Values, error) {
	r := inputResolver{scope: s, done: make(map[string]any, len(s.Inputs.Parameters))}
	for _, name := range slices.Sorted(maps.Keys(s.Inputs.Parameters)) {
		if err := r.resolve(name); err != nil {
			return ir.Values{}, err
		}
	}
	return ir.Values{Parameters: r.done, Artifacts: s.Inputs.Artifacts}, nil
}

// inputResolver resolves parameters depth first.
type inputResolver struct {
	scope *Scope
	done  map[string]any
	stack []string // parameters being resolved
}

func (r *inputResolver) resolve(name string) error {
	if _, ok := r.done[name]; ok {
		return nil
	}
	if slices.Contains(r.stack, name) {
		return fault.New(fault.Invalid, "the input parameter %q refers to itself: %s", name,
			strings.Join(append(r.stack, name), " -> "))
	}
	r.stack = append(r.stack, name)
	value, err := r.value(r.scope.Inputs.Parameters[name])
	if err != nil {
		return err
	}
	r.stack = r.stack[:len(r.stack)-1]
	r.done[name] = value
	return nil
}

// value resolves the references in a value and in what it holds.
func (r *inputResolver) value(value any) (any, error) {
	switch v := value.(type) {
	case string:
		return r.text(v)
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			resolved, err := r.value(item)
			if err != nil {
				return nil, err
			}
			list[i] = resolved
		}
		return list, nil
	case map[string]any:
		m := make(map[string]any, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			resolved, err := r.value(v[key])
			if err != nil {
				return nil, err
			}
			m[key] = resolved
		}
		return m, nil
	}
	return value, nil
}

func (r *inputResolver) text(text string) (any, error) {
	for _, name := range references(text) {
		if _, known := r.scope.Inputs.Parameters[name]; known {
			if err := r.resolve(name); err != nil {
				return nil, err
			}
		}
	}
	scope := *r.scope
	scope.Inputs.Parameters = r.done
	return reference.ReplaceAllStringFunc(text, func(ref string) string {
		if value, ok := scope.known(ref); ok {
			return value
		}
		return ref
	}), nil
}

// known returns what a reference inside a value stands for, if it can be told
// here: a nested DAG resolves its inputs without a job, which its tasks add.
func (s *Scope) known(ref string) (string, bool) {
	if ref == "{{$}}" || len(segments(ref)) == 1 && s.Job == (Job{}) {
		return "", false
	}
	value, err := s.lookup(ref)
	return value, err == nil
}
