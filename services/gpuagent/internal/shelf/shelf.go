// Package shelf keeps resources that belong to no namespace, such as queues and priority
// classes, under their names.
package shelf

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Resource is what a shelf keeps. Its metadata is set.
type Resource interface {
	proto.Message
	GetMetadata() *metav1.ObjectMeta
}

// Shelf is all resources of a kind. It is safe for concurrent use, by many agents.
type Shelf[R Resource] struct {
	// Kind is what people call one: "queue". With underscores and in capitals it begins
	// the reasons of errors.
	Kind string
	// Items are where they are stored.
	Items *store.Collection[R]
	// Check says everything that is wrong with one, as fault.Invalid.
	Check func(R) error
	// With returns what one says, with other metadata.
	With func(*metav1.ObjectMeta, R) R
}

// Create stores a new resource. What is wrong with it is fault.Invalid; a name that is
// taken fault.AlreadyExists.
func (s *Shelf[R]) Create(ctx context.Context, r R) (R, error) { return s.create(ctx, r, false) }

// TryCreate is Create, but for storing anything.
func (s *Shelf[R]) TryCreate(ctx context.Context, r R) (R, error) { return s.create(ctx, r, true) }

func (s *Shelf[R]) create(ctx context.Context, r R, dry bool) (R, error) {
	var none R
	if err := s.Check(r); err != nil {
		return none, err
	}
	now, m := timestamppb.Now(), proto.CloneOf(r.GetMetadata())
	m.Namespace, m.Uid, m.Generation, m.ResourceVersion, m.CreateTime, m.UpdateTime = "", uuid.NewString(), 1, 0, now, now
	stored := s.With(m, r)
	if dry {
		if _, err := s.Items.Get(ctx, m.GetName()); !fault.Is(err, fault.NotFound) {
			return none, cmp.Or(err, s.errExists(m.GetName()))
		}
		return stored, nil
	}
	revision, err := s.Items.Create(ctx, m.GetName(), stored)
	if fault.Is(err, fault.AlreadyExists) {
		return none, s.errExists(m.GetName())
	}
	if err != nil {
		return none, err
	}
	m.ResourceVersion = revision
	return stored, nil
}

func (s *Shelf[R]) errExists(name string) error {
	return fault.AlreadyExistsf("%s %s exists already; update it, or delete it first", s.Kind, name).WithReason(s.reason("EXISTS"))
}

// Update replaces what a resource says, and its labels and annotations. It is
// fault.Conflict when the resource is no longer at the revision that r names. One that is to
// be what it is already is not stored anew.
func (s *Shelf[R]) Update(ctx context.Context, r R) (R, error) { return s.update(ctx, r, false) }

// TryUpdate is Update, but for storing anything.
func (s *Shelf[R]) TryUpdate(ctx context.Context, r R) (R, error) { return s.update(ctx, r, true) }

func (s *Shelf[R]) update(ctx context.Context, r R, dry bool) (R, error) {
	var none R
	if err := s.Check(r); err != nil {
		return none, err
	}
	name, want := r.GetMetadata().GetName(), r.GetMetadata().GetResourceVersion()
	for {
		old, err := s.Items.Get(ctx, name)
		if err != nil {
			return none, s.named(err, name)
		}
		if want != 0 && want != old.Revision {
			return none, fault.Conflictf("%s %s changed meanwhile: it is at resource version %d, not %d; get it again", s.Kind, name, old.Revision, want).
				WithReason(s.reason("CHANGED"))
		}
		m := proto.CloneOf(old.Value.GetMetadata())
		m.Labels, m.Annotations = r.GetMetadata().GetLabels(), r.GetMetadata().GetAnnotations()
		if owners := r.GetMetadata().GetManagedFields(); owners != "" {
			m.ManagedFields = owners
		}
		same := proto.Equal(s.With(m, r), old.Value)
		if !same {
			m.Generation++
			m.UpdateTime = timestamppb.Now()
		}
		updated := s.With(m, r)
		if dry || same {
			m.ResourceVersion = old.Revision
			return updated, nil
		}
		revision, err := s.Items.Update(ctx, name, updated, old.Revision)
		if fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists) { // somebody was faster: what that was decides
			continue
		}
		m.ResourceVersion = revision
		return updated, err
	}
}

// Get returns a resource.
func (s *Shelf[R]) Get(ctx context.Context, name string) (R, error) {
	item, err := s.Items.Get(ctx, name)
	if err != nil {
		var none R
		return none, s.named(err, name)
	}
	return stamped(item), nil
}

// List returns all resources, by name.
func (s *Shelf[R]) List(ctx context.Context) ([]R, error) {
	items, _, err := s.Items.List(ctx, "")
	if err != nil {
		return nil, err
	}
	all := make([]R, len(items))
	for i, item := range items {
		all[i] = stamped(item)
	}
	return all, nil
}

// Delete forgets a resource.
func (s *Shelf[R]) Delete(ctx context.Context, name string) error {
	if _, err := s.Items.Get(ctx, name); err != nil {
		return s.named(err, name)
	}
	return s.Items.Delete(ctx, name, store.AnyRevision)
}

// None says that there is no resource of a name.
func (s *Shelf[R]) None(name string) error {
	return fault.NotFoundf("there is no %s %s", s.Kind, name).WithReason(s.reason("NOT_FOUND"))
}

func (s *Shelf[R]) reason(what string) string {
	return strings.ToUpper(strings.ReplaceAll(s.Kind, " ", "_")) + "_" + what
}

// named puts the name of a resource into an error of the store.
func (s *Shelf[R]) named(err error, name string) error {
	if fault.Is(err, fault.NotFound) {
		return s.None(name)
	}
	return err
}

func stamped[R Resource](item store.Item[R]) R {
	item.Value.GetMetadata().ResourceVersion = item.Revision
	return item.Value
}
