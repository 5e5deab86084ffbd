// Package identity is who is who in the mesh: the mesh's own certificate
// authority, the certificates it issues to the head and to nodes, and the TLS
// configurations by which each end of a connection makes sure of the other.
//
// Every certificate names one identity, the head or one node, as a URI, and the
// same identity as a DNS name made of the URI's digest, which is what the standard
// verification of TLS compares: names of nodes have case and need not be DNS
// names. Both are checked. Addresses play no part, so machines may move.
//
// Only TLS 1.3 is spoken. Keys are ECDSA on P-256, made where they are used, and
// leave their machine never.
package identity

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// scheme is that of the URIs in certificates.
const scheme = "kfmesh"

// Identity is somebody in the mesh: the head, or a node.
type Identity struct {
	// Node is the name of the node; empty for the head.
	Node string
}

// Head is the identity of the head.
var Head = Identity{}

// Node is the identity of a node.
func Node(name string) Identity { return Identity{Node: name} }

// String is the identity as people read it.
func (i Identity) String() string {
	if i == Head {
		return "the head"
	}
	return "node " + i.Node
}

// uri is the identity as certificates have it.
func (i Identity) uri() *url.URL {
	if i == Head {
		return &url.URL{Scheme: scheme, Host: "head"}
	}
	return &url.URL{Scheme: scheme, Host: "node", Path: "/" + i.Node}
}

// serverName is the identity as a DNS name.
func (i Identity) serverName() string {
	sum := sha256.Sum256([]byte(i.uri().String()))
	return hex.EncodeToString(sum[:16]) + ".kfmesh.invalid"
}

// Of returns whose a certificate is. That it can be trusted is for the caller to
// have made sure of.
func Of(certificate *x509.Certificate) (Identity, error) {
	if len(certificate.URIs) == 1 && certificate.URIs[0].Scheme == scheme {
		u := certificate.URIs[0]
		name := strings.TrimPrefix(u.Path, "/")
		switch {
		case u.Host == "head" && u.Path == "":
			return Head, nil
		case u.Host == "node" && ValidNode(name):
			return Node(name), nil
		}
	}
	return Identity{}, fault.New(fault.Unauthenticated, "the certificate is of nobody in a mesh").WithReason("CERTIFICATE_FOREIGN")
}

// nodeForm is what names of nodes may be: they are parts of keys.
var nodeForm = regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9_.]{0,251}[A-Za-z0-9])?$`)

// ValidNode reports whether a node may have a name: 1 to 253 letters, digits, '-',
// '_' and '.', with a letter or digit at both ends.
func ValidNode(name string) bool { return nodeForm.MatchString(name) }
