package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// How long certificates live.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	// Life is that of the head's and the nodes' certificates.
	Life = 30 * 24 * time.Hour
	// backdate allows for clocks that are late, as those are that nobody has set: a node is
	// trusted for its key, and the head's clock says when that ends.
	backdate = 24 * time.Hour
)

// Fingerprint is the SHA-256 of a certificate.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of a certificate.
func FingerprintOf(c *x509.Certificate) Fingerprint { return sha256.Sum256(c.Raw) }

// KeyDigest is the SHA-256 of a public key, as certificates hold it.
type KeyDigest [sha256.Size]byte

// KeyOf returns the digest of a certificate's key.
func KeyOf(c *x509.Certificate) KeyDigest { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// Authority signs the certificates of one mesh.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// OpenAuthority returns the authority that is kept in a directory, and makes both
// when there is none. One process at a time may call it for a directory.
func OpenAuthority(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Preconditionf("directory %s of the mesh's authority cannot be made", dir).WithCause(err)
	}
	certificateFile, keyFile := filepath.Join(dir, "ca.crt"), filepath.Join(dir, "ca.key")
	key, err := readKey(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		if key, err = newKeyFile(keyFile); err != nil {
			return nil, fault.Preconditionf("the key of the mesh's authority cannot be kept in %s", keyFile).WithCause(err)
		}
	}
	if err != nil {
		return nil, fault.Preconditionf("%s cannot be read as the key of the mesh's authority: %v", keyFile, err).WithCause(err)
	}
	a := &Authority{key: key}
	a.certificate, err = readCertificate(certificateFile)
	if errors.Is(err, fs.ErrNotExist) {
		if a.certificate, err = selfSigned(key); err == nil {
			err = writeCertificate(certificateFile, a.certificate)
		}
	}
	if err != nil {
		return nil, fault.Preconditionf("%s cannot be used as the certificate of the mesh's authority: %v", certificateFile, err).WithCause(err)
	}
	if !key.PublicKey.Equal(a.certificate.PublicKey) {
		return nil, fault.Preconditionf("%s and %s do not belong together; with another authority every node must join anew", certificateFile, keyFile)
	}
	return a, nil
}

// Certificate is the authority's own.
func (a *Authority) Certificate() *x509.Certificate { return a.certificate }

// Issue returns a certificate of an identity for a public key.
func (a *Authority) Issue(id Identity, key crypto.PublicKey) (*x509.Certificate, error) {
	return a.issue(id, key, time.Now(), Life)
}

func (a *Authority) issue(id Identity, key crypto.PublicKey, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	end := now.Add(life)
	if a.certificate.NotAfter.Before(end) {
		end = a.certificate.NotAfter
	}
	return sign(&x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{Organization: []string{"kfmesh"}, CommonName: shortened(id.String())},
		URIs:         []*url.URL{id.uri()},
		DNSNames:     []string{id.serverName()},
		NotBefore:    now.Add(-backdate),
		NotAfter:     end,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.certificate, key, a.key)
}

// IssueRequest is Issue for the key of a certificate signing request in DER, whose
// sender has the private key, and returns the key's digest as well.
func (a *Authority) IssueRequest(id Identity, request []byte) (*x509.Certificate, error) {
	r, err := x509.ParseCertificateRequest(request)
	if err != nil {
		return nil, fault.Invalidf("signing_request", "is no certificate signing request: %v", err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, fault.Invalidf("signing_request", "is not signed with its own key")
	}
	if key, ok := r.PublicKey.(*ecdsa.PublicKey); !ok || key.Curve != elliptic.P256() {
		return nil, fault.Invalidf("signing_request", "has a key of another kind than ECDSA on P-256")
	}
	return a.Issue(id, r.PublicKey)
}

func selfSigned(key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{Organization: []string{"kfmesh"}, CommonName: "mesh authority"},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(authorityLife),
		KeyUsage:              x509.KeyUsageCertSign,
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
	}
	return sign(template, template, key.Public(), key)
}

func sign(template, parent *x509.Certificate, key crypto.PublicKey, with *ecdsa.PrivateKey) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key, with)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// newSerial is a random serial number of 127 bits.
func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
}

// shortened is a common name of no more than X.509 allows (RFC 5280, ub-common-name).
func shortened(name string) string { return name[:min(len(name), 64)] }
