package kind

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/client"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/output"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
)

// Last is the reference to the newest resource of a kind.
const Last = "last"

// shownCandidates is how many candidates an ambiguous reference names.
const shownCandidates = 5

// Resolve finds the one resource that a reference means: its id, the start of
// its id, its name, or "last". A reference that means several is refused with
// the ids it could mean.
func (k *Kind) Resolve(ctx context.Context, c *client.Client, namespace, ref string) (proto.Message, error) {
	if ref == Last {
		return k.newest(ctx, c, namespace)
	}
	found, err := k.Get(ctx, c, namespace, ref)
	if err == nil {
		return found, nil
	}
	if !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	return k.search(ctx, c, namespace, ref)
}

func (k *Kind) newest(ctx context.Context, c *client.Client, namespace string) (proto.Message, error) {
	listed, err := k.List(ctx, c, Query{Namespace: namespace, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(listed) == 0 {
		return nil, fault.NotFoundf("there are no %s", k.Plural)
	}
	return k.whole(ctx, c, namespace, listed[0])
}

// whole gives a listed resource all that Get would show of it.
func (k *Kind) whole(ctx context.Context, c *client.Client, namespace string, listed proto.Message) (proto.Message, error) {
	if k.Whole {
		return listed, nil
	}
	return k.Get(ctx, c, namespace, k.ID(listed))
}

// search looks for names first, for a name is what people mean when it fits.
func (k *Kind) search(ctx context.Context, c *client.Client, namespace, ref string) (proto.Message, error) {
	searches := []struct {
		query Query
		fits  func(proto.Message) bool
	}{
		{
			query: Query{match: match{name: ref}},
			fits:  func(m proto.Message) bool { return k.Name(m) == ref },
		},
		{
			query: Query{match: match{idPrefix: ref}},
			fits: func(m proto.Message) bool { // "p" is not to delete the one job whose id begins with it
				return k.ID(m) == ref || !k.Named && strings.HasPrefix(k.ID(m), ref)
			},
		},
	}
	for _, s := range searches {
		s.query.Namespace = namespace
		listed, err := k.List(ctx, c, s.query)
		if err != nil {
			return nil, err
		}
		var fitting []proto.Message
		for _, m := range listed {
			if s.fits(m) {
				fitting = append(fitting, m)
			}
		}
		switch len(fitting) {
		case 0:
			continue
		case 1:
			return k.whole(ctx, c, namespace, fitting[0])
		}
		return nil, k.ambiguous(ref, fitting)
	}
	return nil, fault.NotFoundf("there is no %s %q; `kfmesh get %s` lists what there is", k.Singular, ref, k.Plural)
}

func (k *Kind) ambiguous(ref string, fitting []proto.Message) error {
	violations := make([]fault.Violation, 0, shownCandidates)
	several := slices.ContainsFunc(fitting, func(m proto.Message) bool { return namespaceOf(m) != namespaceOf(fitting[0]) })
	what := "give the id of one"
	for _, m := range fitting[:min(len(fitting), shownCandidates)] {
		name := k.Name(m)
		if several {
			name, what = "in namespace "+namespaceOf(m), "say with -n in which namespace"
		}
		violations = append(violations, fault.Violation{Field: k.ID(m), Reason: output.Clean(name)})
	}
	err := fault.InvalidAll(violations)
	err.Message = fmt.Sprintf("%q means %d %s; %s", ref, len(fitting), k.Plural, what)
	return err
}

// namespaceOf is the namespace of what has its metadata as most kinds have it.
func namespaceOf(m proto.Message) string {
	if in, ok := m.(interface{ GetMetadata() *metav1.ObjectMeta }); ok {
		return in.GetMetadata().GetNamespace()
	}
	return ""
}
