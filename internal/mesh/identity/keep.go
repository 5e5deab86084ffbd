package identity

import (
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// Keep is the directory in which a node keeps its credential: node.key, node.crt,
// and ca.crt, the authority's certificate, each readable by its user alone.
type Keep string

func (k Keep) file(name string) string { return filepath.Join(string(k), name) }

// Request returns a certificate signing request in DER for the node's key, which
// is made when there is none.
func (k Keep) Request() ([]byte, error) {
	if err := os.MkdirAll(string(k), 0o700); err != nil {
		return nil, fault.Preconditionf("directory %s cannot be made", string(k)).WithCause(err)
	}
	key, err := readKey(k.file("node.key"))
	if errors.Is(err, fs.ErrNotExist) {
		key, err = newKeyFile(k.file("node.key"))
	}
	if err != nil {
		return nil, fault.Preconditionf("%s cannot be used as the node's key: %v", k.file("node.key"), err).WithCause(err)
	}
	return x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
}

// Accept keeps the certificates, in DER, that a request was answered with, and
// returns the credential they make.
func (k Keep) Accept(certificate, authority []byte) (*Credential, error) {
	own, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("read own certificate: %w", err)
	}
	ca, err := x509.ParseCertificate(authority)
	if err != nil {
		return nil, fmt.Errorf("read the authority's certificate: %w", err)
	}
	if err := errors.Join(writeCertificate(k.file("ca.crt"), ca), writeCertificate(k.file("node.crt"), own)); err != nil {
		return nil, fault.Preconditionf("the node's certificates cannot be kept in %s", string(k)).WithCause(err)
	}
	return k.Load(time.Now())
}

// Load returns the credential that is kept; fault.NotFound when there is none, and
// fault.Unauthenticated when its certificate has expired.
func (k Keep) Load(now time.Time) (*Credential, error) {
	key, keyErr := readKey(k.file("node.key"))
	own, ownErr := readCertificate(k.file("node.crt"))
	authority, authorityErr := readCertificate(k.file("ca.crt"))
	err := errors.Join(keyErr, ownErr, authorityErr)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.NotFoundf("%s holds no certificate of a node", string(k)).WithCause(err)
	}
	if err != nil {
		return nil, fault.Preconditionf("what is kept in %s cannot be read: %v; remove it and join anew", string(k), err).WithCause(err)
	}
	if !key.PublicKey.Equal(own.PublicKey) {
		return nil, fault.Preconditionf("key and certificate in %s do not belong together; remove them and join anew", string(k))
	}
	if now.After(own.NotAfter) {
		return nil, fault.New(fault.Unauthenticated, "the node's certificate has expired on %s; join anew with a token of kfmesh token create",
			own.NotAfter.Format(time.DateTime)).WithReason("CERTIFICATE_EXPIRED")
	}
	return &Credential{authority: authority, key: key, certificate: own}, nil
}

// Renewed replaces the certificate of a credential, on disk as well. Connections
// that are made from now on present it.
func (k Keep) Renewed(c *Credential, certificate []byte) error {
	own, err := x509.ParseCertificate(certificate)
	if err != nil {
		return fmt.Errorf("read own certificate: %w", err)
	}
	if !c.key.PublicKey.Equal(own.PublicKey) {
		return fault.Internalf(nil, "the head signed another key than this node's")
	}
	if err := writeCertificate(k.file("node.crt"), own); err != nil {
		return fault.Preconditionf("the node's certificate cannot be kept in %s", string(k)).WithCause(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.certificate = own
	return nil
}
