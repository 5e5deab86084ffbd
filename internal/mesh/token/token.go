// Package token is the form of the tokens with which machines join a mesh:
//
//	<id>.<secret>.<fingerprint>
//
// The id names the token and is no secret. The secret is 160 random bits; the head
// keeps only its digest. The fingerprint is the SHA-256 of the certificate of the
// mesh's authority, by which the machine that joins makes sure of the head before
// it says anything. Everything here is pure but for New's randomness.
package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
)

// Lengths of the random parts, in bytes.
const (
	idBytes     = 5
	secretBytes = 20
)

// encoding of the random parts: digits and small letters, none of which are taken
// for one another.
var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Token is a token.
type Token struct {
	ID        string
	Authority identity.Fingerprint

	secret string
}

// New makes a token of the mesh whose authority has a fingerprint.
func New(authority identity.Fingerprint) Token {
	var random [idBytes + secretBytes]byte
	_, _ = rand.Read(random[:]) // never fails: see crypto/rand
	return Token{
		ID:        encoding.EncodeToString(random[:idBytes]),
		secret:    encoding.EncodeToString(random[idBytes:]),
		Authority: authority,
	}
}

// Parse reads a token as String writes it.
func Parse(s string) (Token, error) {
	parts := strings.Split(strings.TrimSpace(s), ".")
	if len(parts) != 3 || !random(parts[0], idBytes) || !random(parts[1], secretBytes) {
		return Token{}, malformed()
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil || len(sum) != len(identity.Fingerprint{}) || strings.ToLower(parts[2]) != parts[2] {
		return Token{}, malformed()
	}
	return Token{ID: parts[0], secret: parts[1], Authority: identity.Fingerprint(sum)}, nil
}

// malformed names no part of what was given: it may be a secret all the same.
func malformed() error {
	return fault.Invalidf("token", "is no token: give it whole, as kfmesh token create printed it")
}

// random reports whether a part encodes so many bytes.
func random(part string, bytes int) bool {
	decoded, err := encoding.DecodeString(part)
	return err == nil && len(decoded) == bytes && encoding.EncodeToString(decoded) == part
}

// Secret is the token itself, with its secret.
func (t Token) Secret() string {
	return t.ID + "." + t.secret + "." + hex.EncodeToString(t.Authority[:])
}

// String hides the secret.
func (t Token) String() string { return t.ID + ".***" }

// Digest is what the head keeps of the secret.
func (t Token) Digest() []byte {
	sum := sha256.Sum256([]byte(t.secret))
	return sum[:]
}

// Matches reports, in constant time, whether the token's secret has a digest.
func (t Token) Matches(digest []byte) bool {
	return subtle.ConstantTimeCompare(t.Digest(), digest) == 1
}
