// Package rsh runs commands where another replica of a run is, as rsh would, without a
// daemon of the node: the replica itself serves (Serve), so that what is run there
// belongs to it, and ends with it.
//
// Both sides prove with the run's key that they are of that run, and neither says
// anything before: over TLS 1.3, with certificates of a key pair that is derived from
// it. A command is killed when the connection to who wanted it is lost.
//
// The package stands on the standard library alone: the program that it is stays for as
// long as a replica runs.
package rsh

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Variables of the environment that tell a replica of it.
const (
	Program = "KFMESH_RSH"     // path of the program
	KeyName = "KFMESH_RUN_KEY" // the run's key, in hex digits
)

// StatusFailed is the exit status when a command could not be run, as that of rsh.
const StatusFailed = 255

// Credentials are those of the replicas of a run.
type Credentials struct {
	certificate tls.Certificate
	public      ed25519.PublicKey
}

// NewCredentials derives credentials from the key of a run, in hex digits.
func NewCredentials(key string) (*Credentials, error) {
	raw, err := hex.DecodeString(key)
	if err != nil || len(raw) != sha256.Size {
		return nil, fmt.Errorf("%s is not the key of a run: want %d hex digits", KeyName, 2*sha256.Size)
	}
	seed := hmac.New(sha256.New, raw)
	seed.Write([]byte("kfmesh rsh"))
	private := ed25519.NewKeyFromSeed(seed.Sum(nil))
	public, _ := private.Public().(ed25519.PublicKey)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return nil, err
	}
	return &Credentials{certificate: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, public: public}, nil
}

// errForeign is the failure of who is not of the run.
var errForeign = errors.New("who is at the other end is not of this run")

// config is the same for both sides. Who the other is, its key says and nothing else.
func (c *Credentials) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS13,
		Certificates:       []tls.Certificate{c.certificate},
		ClientAuth:         tls.RequireAnyClientCert,
		InsecureSkipVerify: true, // #nosec G402 -- verified below: by its key, since it has no name
		VerifyConnection: func(state tls.ConnectionState) error {
			if len(state.PeerCertificates) == 0 {
				return errForeign
			}
			public, ok := state.PeerCertificates[0].PublicKey.(ed25519.PublicKey)
			if !ok || !public.Equal(c.public) {
				return errForeign
			}
			return nil
		},
	}
}
