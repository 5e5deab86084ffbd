package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

func authority(t *testing.T) *Authority {
	t.Helper()
	a, err := OpenAuthority(filepath.Join(t.TempDir(), "mesh"))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func headOf(t *testing.T, a *Authority) *Credential {
	t.Helper()
	c, err := a.HeadCredential()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// nodeOf is the credential of a node that an authority has signed for a life.
func nodeOf(t *testing.T, a *Authority, name string, life time.Duration) *Credential {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := a.issue(Node(name), key.Public(), time.Now(), life)
	if err != nil {
		t.Fatal(err)
	}
	return &Credential{authority: a.certificate, key: key, certificate: certificate}
}

// shake has a server and a client meet, and returns what each says of the other. The
// client has sent a secret once it took the server for whom it wants; heard is what
// the server read.
func shake(t *testing.T, server, client *tls.Config) (heard string, serverErr, clientErr error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	type end struct {
		heard string
		err   error
	}
	done := make(chan end, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			done <- end{err: err}
			return
		}
		defer conn.Close()
		secure := tls.Server(conn, server)
		content, n := make([]byte, 6), 0
		if err = secure.HandshakeContext(t.Context()); err == nil {
			n, err = secure.Read(content)
		}
		done <- end{string(content[:n]), err}
	}()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	secure := tls.Client(conn, client)
	if clientErr = secure.HandshakeContext(t.Context()); clientErr == nil {
		_, clientErr = secure.Write([]byte("secret"))
	}
	_ = conn.Close()
	ended := <-done
	return ended.heard, ended.err, clientErr
}

func TestWhoGoesOnWithWhom(t *testing.T) {
	t.Parallel()
	ours, theirs := authority(t), authority(t)
	head, impostor := headOf(t, ours), headOf(t, theirs)
	a, b, foreign := nodeOf(t, ours, "a", Life), nodeOf(t, ours, "b", Life), nodeOf(t, theirs, "a", Life)
	late := nodeOf(t, ours, "a", -time.Minute)
	pin := JoinTLS(FingerprintOf(ours.certificate))
	anyone := func(c *Credential) *tls.Config { // believes every server
		config := c.ClientTLS(Head)
		config.InsecureSkipVerify, config.VerifyConnection = true, nil
		return config
	}
	for name, tt := range map[string]struct {
		server, client *tls.Config
		meet           bool
	}{
		"node calls head":                          {head.ServerTLS(), a.ClientTLS(Head), true},
		"machine that joins calls head":            {head.ServerTLS(), pin, true},
		"head calls node":                          {a.ServerTLSFor(Head), head.ClientTLS(Node("a")), true},
		"machine that joins calls impostor":        {impostor.ServerTLS(), pin, false},
		"machine that joins calls node":            {a.ServerTLS(), pin, false},
		"node calls impostor":                      {impostor.ServerTLS(), a.ClientTLS(Head), false},
		"node calls node for head":                 {b.ServerTLS(), a.ClientTLS(Head), false},
		"node of another mesh calls head":          {head.ServerTLS(), anyone(foreign), false},
		"node whose certificate has expired calls": {head.ServerTLS(), anyone(late), false},
		"head calls node for another":              {a.ServerTLS(), head.ClientTLS(Node("b")), false},
		"head calls node of another mesh":          {foreign.ServerTLS(), head.ClientTLS(Node("a")), false},
		"node calls node":                          {a.ServerTLSFor(Head), anyone(b), false},
		"impostor calls node":                      {a.ServerTLSFor(Head), anyone(impostor), false},
		"nobody calls node":                        {a.ServerTLSFor(Head), pinless(), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			heard, serverErr, clientErr := shake(t, tt.server, tt.client)
			met := serverErr == nil && clientErr == nil
			if met != tt.meet || (heard == "secret") != tt.meet {
				t.Errorf("the server says %v and heard %q, the client says %v", serverErr, heard, clientErr)
			}
		})
	}
}

// pinless is a client without a certificate that believes every server.
func pinless() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, InsecureSkipVerify: true} //nolint:gosec // what a careless client does
}

// TestAForgedChainIsNoHead: a certificate of the true authority may be shown by
// anybody; what it has not signed it does not vouch for.
func TestAForgedChainIsNoHead(t *testing.T) {
	t.Parallel()
	ours, theirs := authority(t), authority(t)
	forged := headOf(t, theirs)
	forged.authority = ours.certificate
	heard, _, err := shake(t, forged.ServerTLS(), JoinTLS(FingerprintOf(ours.certificate)))
	if err == nil || heard != "" {
		t.Errorf("went on, and the server heard %q", heard)
	}
}

func TestNamesDifferByCase(t *testing.T) {
	t.Parallel()
	ours := authority(t)
	heard, _, err := shake(t, nodeOf(t, ours, "a", Life).ServerTLS(), headOf(t, ours).ClientTLS(Node("A")))
	if err == nil || heard != "" {
		t.Error("node a passes for node A")
	}
}

func TestTheAuthorityStaysTheSame(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "mesh")
	first, err := OpenAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := OpenAuthority(dir)
	if err != nil || FingerprintOf(first.certificate) != FingerprintOf(second.certificate) {
		t.Errorf("it is another: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "ca.key")); err != nil || info.Mode() != 0o600 {
		t.Errorf("the key has mode %v, %v", info.Mode(), err)
	}
	other := filepath.Join(t.TempDir(), "mesh")
	if _, err := OpenAuthority(other); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(other, "ca.key"), filepath.Join(dir, "ca.key")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "do not belong together") {
		t.Errorf("with another's key: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "ca.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAuthority(dir); !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), "ca.key") {
		t.Errorf("with a damaged key: %v", err)
	}
}

func TestTheHeadRenewsItsOwn(t *testing.T) {
	t.Parallel()
	a := authority(t)
	c := headOf(t, a)
	first := c.Certificate()
	if c.Certificate() != first {
		t.Error("a fresh certificate was renewed")
	}
	stale, err := a.issue(Head, c.key.Public(), time.Now().Add(-3*Life/4), Life)
	if err != nil {
		t.Fatal(err)
	}
	c.certificate = stale
	if got := c.Certificate(); got == stale || Stale(got, time.Now()) {
		t.Error("a stale certificate was kept")
	}
}

func TestWhatIsSigned(t *testing.T) {
	t.Parallel()
	a := authority(t)
	request, err := Keep(t.TempDir()).Request()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := a.IssueRequest(Node("a"), request)
	if err != nil {
		t.Fatal(err)
	}
	if id, err := Of(certificate); err != nil || id != Node("a") || certificate.IsCA {
		t.Errorf("it is of %v, %v", id, err)
	}
	if life := time.Until(certificate.NotAfter); life > Life || life < Life-time.Hour {
		t.Errorf("it lives %s", life)
	}
	late := x509.VerifyOptions{Roots: pool(a.Certificate()), CurrentTime: time.Now().Add(-23 * time.Hour), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	if _, err := certificate.Verify(late); err != nil {
		t.Errorf("a clock that is late by most of a day: %v", err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, weak)
	if err != nil {
		t.Fatal(err)
	}
	broken := append([]byte(nil), request...)
	broken[len(broken)-1] ^= 1
	for name, request := range map[string][]byte{"nothing": nil, "RSA": foreign, "another signature": broken} {
		if _, err := a.IssueRequest(Node("a"), request); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatANodeKeeps(t *testing.T) {
	t.Parallel()
	a, k := authority(t), Keep(filepath.Join(t.TempDir(), "mesh"))
	if _, err := k.Load(time.Now()); !fault.Is(err, fault.NotFound) {
		t.Errorf("nothing: %v", err)
	}
	request, err := k.Request()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := a.IssueRequest(Node("a"), request)
	if err != nil {
		t.Fatal(err)
	}
	c, err := k.Accept(certificate.Raw, a.certificate.Raw)
	if err != nil {
		t.Fatal(err)
	}
	again, err := k.Request()
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := a.IssueRequest(Node("a"), again)
	if err != nil || KeyOf(renewed) != KeyOf(certificate) {
		t.Fatalf("another key: %v", err)
	}
	if err := k.Renewed(c, renewed.Raw); err != nil || !c.Certificate().Equal(renewed) {
		t.Errorf("not renewed: %v", err)
	}
	if loaded, err := k.Load(time.Now()); err != nil || !loaded.Certificate().Equal(renewed) {
		t.Errorf("not kept: %v", err)
	}
	if err := k.Renewed(c, nodeOf(t, a, "a", Life).certificate.Raw); err == nil {
		t.Error("a certificate for another key was taken")
	}
	if _, err := k.Load(time.Now().Add(2 * Life)); !fault.Is(err, fault.Unauthenticated) || !strings.Contains(err.Error(), "kfmesh token create") {
		t.Errorf("expired: %v", err)
	}
}

func TestNamesOfNodes(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"a": true, "gpu-7.example.com": true, "A_b": true, "": false, "-a": false, "a/b": false, "a b": false, "a.": false,
		strings.Repeat("a", 253): true, strings.Repeat("a", 254): false, "..": false, "a\n": false,
	} {
		if ValidNode(name) != valid {
			t.Errorf("%q is valid: %v", name, !valid)
		}
	}
}

// parsed is a URI as certificates hold it, or none.
func parsed(uri string) []*url.URL {
	u, err := url.Parse(uri)
	if err != nil {
		return nil
	}
	return []*url.URL{u}
}

// FuzzOf: whatever a certificate says, it is of the head, of a node whose name is
// valid, or of nobody.
func FuzzOf(f *testing.F) {
	for _, uri := range []string{"kfmesh://head", "kfmesh://node/a", "kfmesh://node/../head", "kfmesh://node/", "http://head", "kfmesh://head/x"} {
		f.Add(uri)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		id, err := Of(&x509.Certificate{URIs: parsed(uri)})
		if err == nil && id != Head && (!ValidNode(id.Node) || id.uri().String() != uri) {
			t.Errorf("%q is of %v", uri, id)
		}
		if err == nil && id == Head && uri != "kfmesh://head" {
			t.Errorf("%q is of the head", uri)
		}
	})
}
