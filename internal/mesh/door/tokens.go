package door

import (
	"context"
	"net"
	"slices"
	"strings"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/member"
)

// tokens implements TokenService.
type tokens struct {
	meshv1.UnimplementedTokenServiceServer

	door *Door
}

// CreateToken implements TokenService.
func (s *tokens) CreateToken(ctx context.Context, req *meshv1.CreateTokenRequest) (*meshv1.CreateTokenResponse, error) {
	address := s.door.Address()
	if address == "" {
		return nil, fault.Preconditionf("this kfmesh lets no machine join: start it with --mesh-addr, such as kfmesh up --mesh-addr 0.0.0.0:9443").
			WithReason("DOOR_CLOSED")
	}
	made, known, err := s.door.roster.CreateToken(ctx, identity.FingerprintOf(s.door.authority.Certificate()), member.Grant{
		TTL: req.GetTtl().AsDuration(), Node: req.GetNode(), Uses: int(req.GetUses()),
	})
	if err != nil {
		return nil, err
	}
	return &meshv1.CreateTokenResponse{Token: known, Secret: made.Secret(), Addresses: reachable(address)}, nil
}

// ListTokens implements TokenService.
func (s *tokens) ListTokens(ctx context.Context, _ *meshv1.ListTokensRequest) (*meshv1.ListTokensResponse, error) {
	all, err := s.door.roster.ListTokens(ctx)
	return &meshv1.ListTokensResponse{Tokens: all}, err
}

// DeleteToken implements TokenService.
func (s *tokens) DeleteToken(ctx context.Context, req *meshv1.DeleteTokenRequest) (*meshv1.DeleteTokenResponse, error) {
	id, _, _ := strings.Cut(req.GetId(), ".")
	return &meshv1.DeleteTokenResponse{}, s.door.roster.DeleteToken(ctx, id)
}

// DeleteMember implements TokenService.
func (s *tokens) DeleteMember(ctx context.Context, req *meshv1.DeleteMemberRequest) (*meshv1.DeleteMemberResponse, error) {
	return &meshv1.DeleteMemberResponse{}, s.door.roster.Remove(ctx, req.GetNode())
}

// reachable are the addresses at which others may reach one that listens: itself, or
// those of this machine when it listens on all, IPv4 first.
func reachable(address string) []string {
	host, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	if err != nil || ip == nil || !ip.IsUnspecified() {
		return []string{address}
	}
	var hosts []string
	networks, _ := net.InterfaceAddrs() // none are found: this machine alone can join
	for _, n := range networks {
		if n, ok := n.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			hosts = append(hosts, n.IP.String())
		}
	}
	slices.SortStableFunc(hosts, func(a, b string) int { return strings.Count(a, ":") - strings.Count(b, ":") })
	out := make([]string, 0, len(hosts)+1)
	for _, host := range append(hosts, "127.0.0.1") {
		out = append(out, net.JoinHostPort(host, port))
	}
	return out
}
