package runtime

import (
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Set is the runtimes of a node, the preferred one first.
type Set []Runtime

// Choose returns the runtime that a template names, or else the first that suits
// its image, or else the first.
func (s Set) Choose(t *gpuagentv1.Template) (Runtime, error) {
	if t.GetRuntime() != "" {
		return s.named(t.GetRuntime())
	}
	if i := slices.IndexFunc(s, func(r Runtime) bool { return r.Suits(t.GetImage()) }); i >= 0 {
		return s[i], nil
	}
	return s[0], nil
}

func (s Set) named(name string) (Runtime, error) {
	for _, r := range s {
		if r.Name() == name {
			return r, nil
		}
	}
	return nil, fault.Preconditionf("runtime %q is not one of this node's: it has %s", name, strings.Join(s.Names(), " and "))
}

// Names are the names of the runtimes.
func (s Set) Names() []string {
	names := make([]string, len(s))
	for i, r := range s {
		names[i] = r.Name()
	}
	return names
}

// Past returns the runtime that the last attempt at a place was begun with, and
// what it knows of it; nil when there was none.
func (s Set) Past(at Place) (Runtime, History, error) {
	for _, r := range s {
		h, err := r.History(at)
		if err != nil || len(h.Attempts) > 0 {
			return r, h, err
		}
	}
	return nil, History{}, nil
}
