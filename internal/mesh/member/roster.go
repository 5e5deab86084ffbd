// Package member keeps who may join the mesh and who has: tokens and members, in
// the head's store under /kfmesh/mesh/:
//
//	tokens/<id>     TokenState, the digest of its secret instead of the secret
//	members/<node>  Member, with the digest of the key that the node proves itself with
//
// A member is known by its key: a certificate of the mesh counts for as long as
// there is a member of its name with its key, so that who is put out, or joins
// anew with another key, leaves no certificate behind that still opens the door.
package member

import (
	"context"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/store"
)

const prefix = "/kfmesh/mesh/"

// Roster is the tokens and the members. It is safe for concurrent use, by many
// processes.
type Roster struct {
	backend store.Backend
	tokens  *store.Collection[*meshv1.TokenState]
	members *store.Collection[*meshv1.Member]
	alive   func(ctx context.Context, node string) (bool, error)
}

// New returns the roster in a store. alive reports whether a node of a name is at
// work, member or not: its name is not given away.
func New(backend store.Backend, alive func(ctx context.Context, node string) (bool, error)) *Roster {
	return &Roster{
		backend: backend,
		tokens:  store.NewCollection[*meshv1.TokenState](backend, prefix+"tokens/"),
		members: store.NewCollection[*meshv1.Member](backend, prefix+"members/"),
		alive:   alive,
	}
}

// Check returns nil when a node is a member with a key, and fault.Denied otherwise.
func (r *Roster) Check(ctx context.Context, node string, key identity.KeyDigest) error {
	m, err := r.members.Get(ctx, node)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.New(fault.Denied, "node %s is not a member of this mesh any more; join anew with a token of kfmesh token create", node).
			WithReason("NODE_UNKNOWN")
	case err != nil:
		return err
	case identity.KeyDigest(m.Value.GetKeySha256()) != key:
		return fault.New(fault.Denied, "node %s has joined anew with another key, which this certificate is not for", node).
			WithReason("NODE_REPLACED")
	}
	return nil
}

// Remove puts a node out. fault.NotFound when it is no member.
func (r *Roster) Remove(ctx context.Context, node string) error {
	if !identity.ValidNode(node) {
		return badNode("node", node)
	}
	m, err := r.members.Get(ctx, node)
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("no node %s has joined", node)
	}
	if err != nil {
		return err
	}
	return r.members.Delete(ctx, node, m.Revision)
}

func badNode(field, node string) error {
	return fault.Invalidf(field, "%q is no name of a node: want letters, digits, '-', '_' and '.', with a letter or digit at both ends", node)
}
