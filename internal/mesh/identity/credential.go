package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Credential is what somebody proves itself with: a key, and a certificate of the
// authority that is replaced before it expires. It is safe for concurrent use.
type Credential struct {
	authority *x509.Certificate
	key       *ecdsa.PrivateKey
	renew     func() (*x509.Certificate, error) // of who can by itself; may be nil

	mu          sync.Mutex
	certificate *x509.Certificate // guarded by mu
}

// HeadCredential is the head's own, which the authority renews by itself.
func (a *Authority) HeadCredential() (*Credential, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c := &Credential{authority: a.certificate, key: key}
	c.renew = func() (*x509.Certificate, error) { return a.Issue(Head, key.Public()) }
	c.certificate, err = c.renew()
	return c, err
}

// Certificate is the present certificate.
func (c *Credential) Certificate() *x509.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.renew != nil && Stale(c.certificate, time.Now()) {
		if renewed, err := c.renew(); err == nil {
			c.certificate = renewed
		}
	}
	return c.certificate
}

// Stale reports whether a certificate is to be renewed: two thirds of its life are over.
func Stale(c *x509.Certificate, now time.Time) bool {
	return now.After(c.NotAfter.Add(-c.NotAfter.Sub(c.NotBefore) / 3))
}

// present is the certificate as TLS presents it, with the authority's behind it:
// who joins knows the latter's fingerprint and nothing else.
func (c *Credential) present() *tls.Certificate {
	own := c.Certificate()
	return &tls.Certificate{Certificate: [][]byte{own.Raw, c.authority.Raw}, PrivateKey: c.key, Leaf: own}
}

// ServerTLS is how to serve callers who may prove to be somebody of the mesh, and
// need not: identity.Caller tells.
func (c *Credential) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.present(), nil },
		ClientAuth:     tls.VerifyClientCertIfGiven,
		ClientCAs:      pool(c.authority),
	}
}

// ServerTLSFor is how to serve one caller and nobody else.
func (c *Credential) ServerTLSFor(only Identity) *tls.Config {
	config := c.ServerTLS()
	config.ClientAuth = tls.RequireAndVerifyClientCert
	config.VerifyConnection = func(state tls.ConnectionState) error { return is(state, only) }
	return config
}

// ClientTLS is how to call who proves to be want, wherever that is.
func (c *Credential) ClientTLS(want Identity) *tls.Config {
	return &tls.Config{
		MinVersion:           tls.VersionTLS13,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.present(), nil },
		RootCAs:              pool(c.authority),
		ServerName:           want.serverName(),
		VerifyConnection:     func(state tls.ConnectionState) error { return is(state, want) },
	}
}

// JoinTLS is how to call the head of the mesh whose authority has a fingerprint,
// knowing nothing else of it. Nothing is sent before the head has proved to be it.
func JoinTLS(authority Fingerprint) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: Head.serverName(),
		// The authority is not known yet but by its fingerprint: VerifyConnection does
		// all that the standard verification would.
		InsecureSkipVerify: true, //nolint:gosec // see above
		VerifyConnection:   func(state tls.ConnectionState) error { return pinned(state, authority) },
	}
}

// pinned returns nil when the peer is the head of the mesh whose authority has the
// fingerprint.
func pinned(state tls.ConnectionState, authority Fingerprint) error {
	for _, c := range state.PeerCertificates {
		if FingerprintOf(c) != authority {
			continue
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
			Roots: pool(c), DNSName: Head.serverName(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		})
		if err != nil {
			return err
		}
		return is(state, Head)
	}
	return errors.New(HeadForeign)
}

// HeadForeign is what a handshake under JoinTLS fails with when somebody else than
// the head of the mesh answers.
const HeadForeign = "who answers is not the head that made the token: its authority has another fingerprint"

// is returns nil when the peer, whose certificate was verified, is who is wanted.
func is(state tls.ConnectionState, want Identity) error {
	if len(state.PeerCertificates) == 0 {
		return fault.New(fault.Unauthenticated, "the other end has shown no certificate")
	}
	got, err := Of(state.PeerCertificates[0])
	if err == nil && got != want {
		err = fault.New(fault.Unauthenticated, "the other end is %s, not %s", got, want).WithReason("IDENTITY_WRONG")
	}
	return err
}

func pool(c *x509.Certificate) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c)
	return p
}
