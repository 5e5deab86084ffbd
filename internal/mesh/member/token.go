package member

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
)

// Bounds of tokens.
const (
	defaultTTL = 24 * time.Hour
	longestTTL = 365 * 24 * time.Hour
	// mostUses keeps the names of who joined with a token within one value of the store.
	mostUses = 500
	// remembered is how long an expired token is kept, so that who uses it is told.
	remembered = 7 * 24 * time.Hour
)

// Grant says what a token is to be good for.
type Grant struct {
	TTL  time.Duration // 0 means 24 hours
	Node string        // the one node that may join with it; empty for any
	Uses int           // how many nodes may; 0 means 1
}

// CreateToken makes a token of the mesh whose authority has a fingerprint.
func (r *Roster) CreateToken(ctx context.Context, authority identity.Fingerprint, g Grant) (token.Token, *meshv1.Token, error) {
	switch {
	case g.TTL < 0 || g.TTL > longestTTL:
		return token.Token{}, nil, fault.Invalidf("ttl", "is %s; want up to 8760h, which is a year", g.TTL)
	case g.Uses < 0 || g.Uses > mostUses:
		return token.Token{}, nil, fault.Invalidf("uses", "is %d; want 1 to %d", g.Uses, mostUses)
	case g.Node != "" && !identity.ValidNode(g.Node):
		return token.Token{}, nil, badNode("node", g.Node)
	case g.Node != "" && g.Uses > 1:
		return token.Token{}, nil, fault.Invalidf("uses", "is %d; with a node there is but one use", g.Uses)
	}
	r.forgetExpired(ctx)
	t, now := token.New(authority), time.Now()
	known := &meshv1.Token{
		Id: t.ID, Node: g.Node, Uses: int32(max(1, g.Uses)),
		CreateTime: timestamppb.New(now), ExpireTime: timestamppb.New(now.Add(cmp.Or(g.TTL, defaultTTL))),
	}
	_, err := r.tokens.Create(ctx, t.ID, &meshv1.TokenState{Token: known, SecretSha256: t.Digest()})
	return t, known, err
}

// ListTokens returns all tokens, the newest first.
func (r *Roster) ListTokens(ctx context.Context) ([]*meshv1.Token, error) {
	items, _, err := r.tokens.List(ctx, "")
	if err != nil {
		return nil, err
	}
	tokens := make([]*meshv1.Token, len(items))
	for i, item := range items {
		tokens[i] = item.Value.GetToken()
	}
	slices.SortFunc(tokens, func(a, b *meshv1.Token) int {
		return cmp.Or(b.GetCreateTime().AsTime().Compare(a.GetCreateTime().AsTime()), strings.Compare(a.GetId(), b.GetId()))
	})
	return tokens, nil
}

// DeleteToken deletes the token of an id.
func (r *Roster) DeleteToken(ctx context.Context, id string) error {
	if strings.Contains(id, "/") {
		return fault.Invalidf("id", "%q is no id of a token", id)
	}
	item, err := r.tokens.Get(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return fault.NotFoundf("there is no token %s", id)
	}
	if err != nil {
		return err
	}
	return r.tokens.Delete(ctx, id, item.Revision)
}

// forgetExpired deletes tokens that expired long ago. What fails is tried the next time.
func (r *Roster) forgetExpired(ctx context.Context) {
	items, _, err := r.tokens.List(ctx, "")
	if err != nil {
		return
	}
	for _, item := range items {
		if time.Since(item.Value.GetToken().GetExpireTime().AsTime()) > remembered {
			_ = r.tokens.Delete(ctx, item.Key, item.Revision)
		}
	}
}
