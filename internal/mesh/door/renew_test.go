package door_test

import (
	"crypto/x509"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// dial calls the door with TLS of the test's own.
func (h *head) dial(creds credentials.TransportCredentials) *grpc.ClientConn {
	h.t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+h.address, append(rpc.ClientOptions(), rpc.FarClientOptions(creds)...)...)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	m, _ := h.member("a")
	keep := identity.Keep(m.Dir())
	credential, err := keep.Load(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	client := doorv1.NewMembershipServiceClient(h.dial(credentials.NewTLS(credential.ClientTLS(identity.Head))))
	request, err := keep.Request()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Renew(t.Context(), &doorv1.RenewRequest{SigningRequest: request})
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := x509.ParseCertificate(answer.GetCertificate())
	if err != nil {
		t.Fatal(err)
	}
	if id, err := identity.Of(renewed); err != nil || id != identity.Node("a") {
		t.Errorf("renewed for %v, %v", id, err)
	}
	if err := keep.Renewed(credential, renewed.Raw); err != nil {
		t.Fatal(err)
	}
	again := doorv1.NewMembershipServiceClient(h.dial(credentials.NewTLS(credential.ClientTLS(identity.Head))))
	if _, err := again.Announce(t.Context(), &doorv1.AnnounceRequest{Address: "[::]:1"}); err != nil {
		t.Errorf("with the renewed certificate: %v", err)
	}
	other, err := identity.Keep(t.TempDir()).Request()
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Renew(t.Context(), &doorv1.RenewRequest{SigningRequest: other})
	refused(t, err, fault.Denied, "joined with another key")
}

// TestWithoutACertificateThereIsJoinAlone calls everything else with what a machine
// has that wants to join.
func TestWithoutACertificateThereIsJoinAlone(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	made, err := token.Parse(h.token(&meshv1.CreateTokenRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	conn := h.dial(credentials.NewTLS(identity.JoinTLS(made.Authority)))
	ctx := t.Context()
	_, getErr := doorv1.NewStoreServiceClient(conn).Get(ctx, &doorv1.GetRequest{Key: "/nodes/a"})
	_, blobErr := doorv1.NewBlobServiceClient(conn).GetObject(ctx, &doorv1.GetObjectRequest{Key: "a"})
	_, renewErr := doorv1.NewMembershipServiceClient(conn).Renew(ctx, &doorv1.RenewRequest{SigningRequest: []byte("x")})
	_, tokenErr := meshv1.NewTokenServiceClient(conn).ListTokens(ctx, &meshv1.ListTokensRequest{})
	watch, watchErr := doorv1.NewStoreServiceClient(conn).Watch(ctx, &doorv1.WatchRequest{Prefix: "/nodes/"})
	if watchErr == nil {
		_, watchErr = watch.Recv()
	}
	for call, err := range map[string]error{"get": getErr, "blob": blobErr, "renew": renewErr, "tokens": tokenErr, "watch": watchErr} {
		if !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: %v", call, err)
		}
	}
}

// TestMembersReachNoTokens: tokens are made where the head's other services are.
func TestMembersReachNoTokens(t *testing.T) {
	t.Parallel()
	h := newHead(t)
	m, _ := h.member("a")
	credential, err := identity.Keep(m.Dir()).Load(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn := h.dial(credentials.NewTLS(credential.ClientTLS(identity.Head)))
	if made, err := meshv1.NewTokenServiceClient(conn).CreateToken(t.Context(), &meshv1.CreateTokenRequest{}); err == nil {
		t.Errorf("a node made the token %s", made.GetToken().GetId())
	}
}
