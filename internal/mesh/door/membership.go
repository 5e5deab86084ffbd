package door

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"
	"google.golang.org/protobuf/types/known/timestamppb"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/member"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
)

// membership implements MembershipService.
type membership struct {
	doorv1.UnimplementedMembershipServiceServer

	door  *Door
	limit limiter
}

func registerMembership(server grpc.ServiceRegistrar, d *Door) {
	doorv1.RegisterMembershipServiceServer(server, &membership{door: d})
}

// Join implements MembershipService.
func (m *membership) Join(ctx context.Context, req *doorv1.JoinRequest) (*doorv1.Membership, error) {
	host := callerHost(ctx)
	if err := m.limit.check(host, time.Now()); err != nil {
		return nil, err
	}
	joined, err := m.join(ctx, req)
	if err != nil {
		if fault.Is(err, fault.Unauthenticated) {
			m.limit.failed(host, time.Now())
		}
		m.door.Log.WarnContext(ctx, "a node was not let in", slog.String("node", req.GetNode()), slog.String("from", host), slog.Any("error", err))
		return nil, err
	}
	m.door.Log.InfoContext(ctx, "a node has joined", slog.String("node", req.GetNode()), slog.String("from", host))
	return joined, nil
}

func (m *membership) join(ctx context.Context, req *doorv1.JoinRequest) (*doorv1.Membership, error) {
	t, err := token.Parse(req.GetToken())
	if err != nil {
		return nil, fault.New(fault.Unauthenticated, "the token is none: give it whole, as kfmesh token create printed it").WithReason(member.ReasonToken)
	}
	if !identity.ValidNode(req.GetNode()) {
		return nil, fault.Invalidf("node", "is no name of a node: want letters, digits, '-', '_' and '.', with a letter or digit at both ends")
	}
	certificate, err := m.door.authority.IssueRequest(identity.Node(req.GetNode()), req.GetSigningRequest())
	if err != nil {
		return nil, err
	}
	if err := m.door.roster.Admit(ctx, t, req.GetNode(), identity.KeyOf(certificate)); err != nil {
		return nil, err
	}
	return m.answer(certificate), nil
}

// Renew implements MembershipService. The guard has made sure that the caller is a
// member with the key of its certificate.
func (m *membership) Renew(ctx context.Context, req *doorv1.RenewRequest) (*doorv1.Membership, error) {
	id, present, err := identity.Caller(ctx)
	if err != nil {
		return nil, err
	}
	certificate, err := m.door.authority.IssueRequest(id, req.GetSigningRequest())
	if err != nil {
		return nil, err
	}
	if identity.KeyOf(certificate) != identity.KeyOf(present) {
		return nil, fault.New(fault.Denied, "node %s has joined with another key; who wants a new one joins anew", id.Node).WithReason("KEY_OTHER")
	}
	return m.answer(certificate), nil
}

// Announce implements MembershipService.
func (m *membership) Announce(ctx context.Context, req *doorv1.AnnounceRequest) (*doorv1.AnnounceResponse, error) {
	host, port, err := net.SplitHostPort(req.GetAddress())
	if err != nil {
		return nil, fault.Invalidf("address", "%q is no address: want host:port", req.GetAddress())
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = callerHost(ctx)
	}
	return &doorv1.AnnounceResponse{Address: net.JoinHostPort(host, port)}, nil
}

func (m *membership) answer(certificate *x509.Certificate) *doorv1.Membership {
	return &doorv1.Membership{
		Certificate: certificate.Raw, Authority: m.door.authority.Certificate().Raw,
		ExpireTime: timestamppb.New(certificate.NotAfter),
	}
}

// callerHost is the address, without the port, that a call comes from.
func callerHost(ctx context.Context) string {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return ""
	}
	host, _, err := net.SplitHostPort(from.Addr.String())
	if err != nil {
		return from.Addr.String()
	}
	return host
}
