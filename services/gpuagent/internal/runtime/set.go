package runtime

import (
	"context"
	"errors"
	"slices"
	"strings"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Set is the runtimes of a node.
type Set struct {
	// Offered are those that replicas may be run with, the preferred one first.
	Offered []Runtime
	// Retired are those that an earlier configuration offered: what was begun with
	// them is taken up, and nothing is begun with them.
	Retired []Runtime
}

// Choose returns the runtime that a template names, or else the first that suits
// its image, or else the first.
func (s Set) Choose(t *gpuagentv1.Template) (Runtime, error) {
	if t.GetRuntime() != "" {
		return s.named(t.GetRuntime())
	}
	if i := slices.IndexFunc(s.Offered, func(r Runtime) bool { return r.Suits(t.GetImage()) }); i >= 0 {
		return s.Offered[i], nil
	}
	return s.Offered[0], nil
}

func (s Set) named(name string) (Runtime, error) {
	var has []string
	for _, r := range s.Offered {
		if r.Name() == name {
			return r, nil
		}
		has = append(has, r.Name())
	}
	return nil, fault.Preconditionf("runtime %q is not one that this node is configured for: it has %s", name, strings.Join(has, " and "))
}

// Past returns the runtime that the last attempt at a place was begun with, and
// what it knows of it; nil when there was none.
func (s Set) Past(at Place) (Runtime, History, error) {
	for _, r := range s.all() {
		h, err := r.History(at)
		if err != nil || len(h.Attempts) > 0 {
			return r, h, err
		}
	}
	return nil, History{}, nil
}

// Forget has every runtime forget a place.
func (s Set) Forget(ctx context.Context, at Place) error {
	var err error
	for _, r := range s.all() {
		err = errors.Join(err, r.Forget(ctx, at))
	}
	return err
}

// Close closes every runtime.
func (s Set) Close() {
	for _, r := range s.all() {
		r.Close()
	}
}

func (s Set) all() []Runtime { return slices.Concat(s.Offered, s.Retired) }
