// Package priority keeps priority classes: priorities of workloads by name.
//
// A class is under its name in state.PriorityClasses. A Shelf is safe for concurrent use,
// by many agents.
package priority

import (
	"context"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// Shelf is all priority classes.
type Shelf struct{ state *state.State }

// NewShelf returns the priority classes in a state.
func NewShelf(s *state.State) *Shelf { return &Shelf{state: s} }

// Create stores a new class. A wrong name is fault.Invalid, one that is taken
// fault.AlreadyExists.
func (s *Shelf) Create(ctx context.Context, c *gpuagentv1.PriorityClass) (*gpuagentv1.PriorityClass, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	now, m := timestamppb.Now(), proto.CloneOf(c.GetMetadata())
	m.Namespace, m.Uid, m.Generation, m.ResourceVersion, m.CreateTime, m.UpdateTime = "", uuid.NewString(), 1, 0, now, now
	stored := &gpuagentv1.PriorityClass{Metadata: m, Value: c.GetValue(), Description: c.GetDescription()}
	revision, err := s.state.PriorityClasses.Create(ctx, m.GetName(), stored)
	if fault.Is(err, fault.AlreadyExists) {
		return nil, fault.AlreadyExistsf("priority class %s exists already; update it, or delete it first", m.GetName()).WithReason("PRIORITY_CLASS_EXISTS")
	}
	if err != nil {
		return nil, err
	}
	m.ResourceVersion = revision
	return stored, nil
}

// Update replaces what a class says. It is fault.Conflict when the class is no longer at
// the revision that c names.
func (s *Shelf) Update(ctx context.Context, c *gpuagentv1.PriorityClass) (*gpuagentv1.PriorityClass, error) {
	if err := check(c); err != nil {
		return nil, err
	}
	name, want := c.GetMetadata().GetName(), c.GetMetadata().GetResourceVersion()
	for {
		old, err := s.state.PriorityClasses.Get(ctx, name)
		if err != nil {
			return nil, named(err, name)
		}
		if want != 0 && want != old.Revision {
			return nil, fault.Conflictf("priority class %s changed meanwhile: it is at resource version %d, not %d; get it again", name, old.Revision, want).
				WithReason("PRIORITY_CLASS_CHANGED")
		}
		m := proto.CloneOf(old.Value.GetMetadata())
		m.Labels, m.Annotations = c.GetMetadata().GetLabels(), c.GetMetadata().GetAnnotations()
		m.Generation++
		m.UpdateTime = timestamppb.Now()
		updated := &gpuagentv1.PriorityClass{Metadata: m, Value: c.GetValue(), Description: c.GetDescription()}
		revision, err := s.state.PriorityClasses.Update(ctx, name, updated, old.Revision)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) { // somebody was faster: what that was decides
			continue
		}
		m.ResourceVersion = revision
		return updated, err
	}
}

// Get returns a class.
func (s *Shelf) Get(ctx context.Context, name string) (*gpuagentv1.PriorityClass, error) {
	item, err := s.state.PriorityClasses.Get(ctx, name)
	if err != nil {
		return nil, named(err, name)
	}
	return stamped(item), nil
}

// List returns all classes, by name.
func (s *Shelf) List(ctx context.Context) ([]*gpuagentv1.PriorityClass, error) {
	items, _, err := s.state.PriorityClasses.List(ctx, "")
	if err != nil {
		return nil, err
	}
	all := make([]*gpuagentv1.PriorityClass, len(items))
	for i, item := range items {
		all[i] = stamped(item)
	}
	return all, nil
}

// Delete forgets a class.
func (s *Shelf) Delete(ctx context.Context, name string) error {
	if _, err := s.state.PriorityClasses.Get(ctx, name); err != nil {
		return named(err, name)
	}
	return s.state.PriorityClasses.Delete(ctx, name, store.AnyRevision)
}

func check(c *gpuagentv1.PriorityClass) error {
	if !state.ValidName(c.GetMetadata().GetName()) {
		return fault.Invalidf("priority_class.metadata.name", "want 1 to 253 letters, digits, '-', '_' and '.', with a letter or digit at both ends")
	}
	return nil
}

func stamped(item store.Item[*gpuagentv1.PriorityClass]) *gpuagentv1.PriorityClass {
	item.Value.Metadata.ResourceVersion = item.Revision
	return item.Value
}

// named puts the name of a class into an error of the store.
func named(err error, name string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("there is no priority class %s", name).WithReason("PRIORITY_CLASS_NOT_FOUND")
	}
	return err
}
