package member

import (
	"context"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
)

// admitTries is how often an admission that somebody else's came between is tried.
const admitTries = 10

// another is what to do about a token that is of no use any more.
const another = "make another on the head with kfmesh token create"

// ReasonToken is the reason of the fault of a token whose secret is not known.
const ReasonToken = "TOKEN_UNKNOWN"

// Admit makes a node with a key a member when its token allows that. It is safe to
// repeat: a node whose answer was lost comes in again with the same key.
func (r *Roster) Admit(ctx context.Context, t token.Token, node string, key identity.KeyDigest) error {
	if !identity.ValidNode(node) {
		return badNode("node", node)
	}
	for try := 1; ; try++ {
		err := r.admit(ctx, t, node, key)
		if try < admitTries && (fault.Is(err, fault.Conflict) || fault.Is(err, fault.AlreadyExists)) {
			continue
		}
		return err
	}
}

// admit is one try. What it read is part of its commit's conditions.
func (r *Roster) admit(ctx context.Context, t token.Token, node string, key identity.KeyDigest) error {
	found, err := r.tokens.Get(ctx, t.ID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err != nil || !t.Matches(found.Value.GetSecretSha256()) {
		return fault.New(fault.Unauthenticated, "this mesh does not know the token; it may have been deleted: %s", another).WithReason(ReasonToken)
	}
	known := found.Value.GetToken()
	if err := usable(known, node, time.Now()); err != nil {
		return err
	}
	member, err := r.members.Get(ctx, node)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	same := err == nil && identity.KeyDigest(member.Value.GetKeySha256()) == key
	again := same && member.Value.GetToken() == t.ID && slices.Contains(known.GetJoined(), node)
	if again {
		return nil
	}
	if len(known.GetJoined()) >= int(known.GetUses()) {
		return fault.New(fault.Denied, "the token has been used by %s; %s", list(known.GetJoined()), another).WithReason("TOKEN_USED")
	}
	if err := r.free(ctx, node, same); err != nil {
		return err
	}
	used := proto.CloneOf(found.Value)
	used.Token.Joined = append(used.Token.Joined, node)
	_, err = r.backend.Commit(ctx,
		r.tokens.UpdateOp(t.ID, used, found.Revision),
		r.members.UpdateOp(node, &meshv1.Member{Node: node, KeySha256: key[:], Token: t.ID, JoinTime: timestamppb.Now()}, member.Revision))
	return err
}

// usable says why a token, whose secret was right, does not admit a node.
func usable(t *meshv1.Token, node string, now time.Time) error {
	switch {
	case !now.Before(t.GetExpireTime().AsTime()):
		return fault.New(fault.Denied, "the token has expired; %s", another).WithReason("TOKEN_EXPIRED")
	case t.GetNode() != "" && t.GetNode() != node:
		return fault.New(fault.Denied, "the token is for the node %s, not for %s: start the agent with --node-name %[1]s, or %[3]s",
			t.GetNode(), node, another).WithReason("TOKEN_NODE")
	}
	return nil
}

// free returns fault.AlreadyExists when a node of the name is at work that the one
// with the key is not.
func (r *Roster) free(ctx context.Context, node string, same bool) error {
	if same {
		return nil
	}
	alive, err := r.alive(ctx, node)
	if err == nil && alive {
		// Of another kind than a lost race, which is tried again.
		err = fault.Preconditionf("a node of the name %s is at work: start the agent with another --node-name", node).WithReason("NODE_TAKEN")
	}
	return err
}

// list is names as a sentence has them: the first few.
func list(names []string) string {
	const most = 3
	out := ""
	for i, name := range names {
		switch {
		case i == most:
			return out + " and others"
		case i > 0:
			out += ", "
		}
		out += name
	}
	return out
}
