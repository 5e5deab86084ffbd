package identity

import (
	"context"
	"crypto/x509"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Caller returns who makes the call of a context, and with what certificate, which
// TLS has verified; fault.Unauthenticated when nobody of the mesh does.
func Caller(ctx context.Context) (Identity, *x509.Certificate, error) {
	from, ok := peer.FromContext(ctx)
	if ok {
		if info, ok := from.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
			certificate := info.State.VerifiedChains[0][0]
			id, err := Of(certificate)
			return id, certificate, err
		}
	}
	return Identity{}, nil, fault.New(fault.Unauthenticated, "this call needs the certificate of a node that has joined").WithReason("CERTIFICATE_MISSING")
}
