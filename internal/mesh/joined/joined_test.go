package joined

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
)

// signer is a head that renews whatever it is asked to.
type signer struct {
	doorv1.MembershipServiceClient
	authority *identity.Authority
}

func (s signer) Renew(_ context.Context, req *doorv1.RenewRequest, _ ...grpc.CallOption) (*doorv1.Membership, error) {
	certificate, err := s.authority.IssueRequest(identity.Node("a"), req.GetSigningRequest())
	if err != nil {
		return nil, err
	}
	return &doorv1.Membership{Certificate: certificate.Raw, ExpireTime: timestamppb.New(certificate.NotAfter)}, nil
}

func TestACertificateIsReplacedWhileItIsUsed(t *testing.T) {
	t.Parallel()
	authority, err := identity.OpenAuthority(filepath.Join(t.TempDir(), "mesh"))
	if err != nil {
		t.Fatal(err)
	}
	m := &Membership{Node: "a", keep: identity.Keep(t.TempDir()), log: slog.New(slog.DiscardHandler)}
	request, err := m.keep.Request()
	if err != nil {
		t.Fatal(err)
	}
	first, err := authority.IssueRequest(identity.Node("a"), request)
	if err != nil {
		t.Fatal(err)
	}
	if m.credential, err = m.keep.Accept(first.Raw, authority.Certificate().Raw); err != nil {
		t.Fatal(err)
	}
	config := m.credential.ClientTLS(identity.Head)
	if err := m.renew(t.Context(), signer{authority: authority}); err != nil {
		t.Fatal(err)
	}
	shown, err := config.GetClientCertificate(nil)
	if err != nil || shown.Leaf.Equal(first) || identity.KeyOf(shown.Leaf) != identity.KeyOf(first) {
		t.Errorf("the connection would show the old certificate, or another key: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		cfg  Config
		good bool
	}{
		{Config{}, true},
		{Config{Join: "head:9443"}, true},
		{Config{Join: "head"}, false},
		{Config{Join: "head:9443", Token: "nonsense"}, false},
	} {
		if err := tt.cfg.Validate(); (err == nil) != tt.good || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", tt.cfg, err)
		}
	}
	if Config := (Config{Token: config.Secret("x")}); Config.Token.String() != "***" {
		t.Error("the token is shown")
	}
}

func TestJoiningEndsWithItsContext(t *testing.T) {
	t.Parallel()
	const token = "00000000.00000000000000000000000000000000.0000000000000000000000000000000000000000000000000000000000000000"
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Join(ctx, Config{Join: "127.0.0.1:1", Token: token}, t.TempDir(), "a", slog.New(slog.DiscardHandler))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
