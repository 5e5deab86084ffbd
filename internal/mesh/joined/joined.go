// Package joined is the other side of internal/mesh/door: a machine that joins a
// mesh, stays a member, and sees the head's store and objects as its own.
//
// Join makes the machine a member, once: it makes sure of the head by the
// fingerprint in the token, before it says anything, and keeps key and certificates
// in a directory, from which every later start goes on without a token. Connect
// reaches the head. What cannot be reached is tried again for ever, and said.
package joined

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/token"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// Config says which mesh a machine joins, and as whom.
type Config struct {
	Join  string        `koanf:"join" usage:"address of the head's door, host:port, as kfmesh token create prints it; needed the first time"`
	Token config.Secret `koanf:"token" usage:"token of kfmesh token create; needed the first time"`
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.Join); c.Join != "" && err != nil {
		return fault.Invalidf("join", "is %q; want host:port, such as 192.0.2.1:9443", c.Join)
	}
	if c.Token != "" {
		_, err := token.Parse(string(c.Token))
		return err
	}
	return nil
}

// Membership is what makes a machine a node of a mesh. It is safe for concurrent use.
type Membership struct {
	Node string // name of the node
	Head string // address of the head's door

	keep       identity.Keep
	credential *identity.Credential
	held       *os.File // the lock of the directory
	log        *slog.Logger
}

// note is what is kept beside the certificates, in head.json.
type note struct {
	Head string `json:"head"`
}

// Join returns the membership that is kept in a directory, or joins a mesh under a
// name and keeps it there. No other process may be the node of the directory until
// Close. It waits for a head that cannot be reached.
func Join(ctx context.Context, cfg Config, dir, node string, log *slog.Logger) (*Membership, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	m := &Membership{Node: node, Head: cfg.Join, keep: identity.Keep(dir), held: held, log: log}
	err = m.load()
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) && cfg.Token != "" {
		err = m.join(ctx, cfg)
	}
	if err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// NodeOf is the name of the node that a directory belongs to, even when its certificate has
// expired; empty when it belongs to none.
func NodeOf(dir string) string {
	credential, err := identity.Keep(dir).Load(time.Time{})
	if err != nil {
		return "" // Join says what is wrong
	}
	id, err := identity.Of(credential.Certificate())
	if err != nil {
		return ""
	}
	return id.Node
}

// Close lets another process be the node.
func (m *Membership) Close() error { return m.held.Close() }

// load takes up what is kept; fault.NotFound when there is nothing.
func (m *Membership) load() error {
	credential, err := m.keep.Load(time.Now())
	if err != nil {
		return err
	}
	id, err := identity.Of(credential.Certificate())
	if err != nil {
		return err
	}
	if id.Node != m.Node {
		return fault.Preconditionf("%s belongs to node %s: start with --node-name %[2]s, or with another --agent-dir", string(m.keep), id.Node)
	}
	m.credential = credential
	return m.remember()
}

// remember finds out where the head is when that was not said, and keeps it when it was.
func (m *Membership) remember() error {
	path := filepath.Join(string(m.keep), "head.json")
	var kept note
	content, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(content, &kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Preconditionf("%s cannot be read: %v; give --join", path, err).WithCause(err)
	}
	switch {
	case m.Head == "" && kept.Head == "":
		return fault.Invalidf("join", "is empty; give the address of the head's door, host:port")
	case m.Head == "" || m.Head == kept.Head:
		m.Head = kept.Head
		return nil
	}
	if content, err = json.Marshal(note{Head: m.Head}); err != nil {
		return err
	}
	if err := identity.WriteFile(path, content); err != nil {
		return fault.Preconditionf("%s cannot be written", path).WithCause(err)
	}
	return nil
}

// join makes this machine a member.
func (m *Membership) join(ctx context.Context, cfg Config) error {
	switch {
	case cfg.Join == "":
		return fault.Invalidf("join", "is empty; on the head, kfmesh token create prints the whole command")
	case cfg.Token == "":
		return fault.Invalidf("token", "is empty, and this machine has not joined yet; on the head, kfmesh token create prints the whole command")
	}
	t, err := token.Parse(string(cfg.Token))
	if err != nil {
		return err
	}
	request, err := m.keep.Request()
	if err != nil {
		return err
	}
	conn, err := dial(cfg.Join, credentials.NewTLS(identity.JoinTLS(t.Authority)))
	if err != nil {
		return err
	}
	defer conn.Close()
	var answer *doorv1.Membership
	err = m.insist(ctx, "join the mesh at "+cfg.Join, func(ctx context.Context) (err error) {
		answer, err = doorv1.NewMembershipServiceClient(conn).Join(ctx, &doorv1.JoinRequest{
			Token: t.Secret(), SigningRequest: request, Node: m.Node,
		})
		return err
	})
	if err != nil {
		return err
	}
	if m.credential, err = m.keep.Accept(answer.GetCertificate(), answer.GetAuthority()); err != nil {
		return err
	}
	m.log.InfoContext(ctx, "joined the mesh", slog.String("head", m.Head), slog.String("node", m.Node))
	return m.remember()
}

// dial returns a connection to a door. It connects when it is used.
func dial(address string, creds credentials.TransportCredentials) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+address, append(rpc.ClientOptions(), rpc.FarClientOptions(creds)...)...)
	if err != nil {
		return nil, fault.Invalidf("join", "%q cannot be called: want host:port", address).WithCause(err)
	}
	return conn, nil
}

// Dir is where the membership is kept.
func (m *Membership) Dir() string { return string(m.keep) }
