// Package door is where agents on other machines come in, and how the head calls
// them. It listens on a port of its own, over TLS 1.3 with the certificates of
// internal/mesh/identity, and serves there
//
//   - MembershipService: Join, for who has a token; Renew and Announce for members
//   - StoreService: the live state, as far as an agent may touch it
//   - BlobService: the object store
//   - what else the head offers to nodes
//
// Everything but Join needs the certificate of a node that is a member, which is
// looked up at every call, and again and again during those that last. Tokens are
// made by TokenService, which the door registers with the head's other services:
// who reaches those is trusted anyway.
package door

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/blob"
	blobremote "github.com/kfmesh/kfmesh/internal/blob/remote"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/member"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	storeremote "github.com/kfmesh/kfmesh/internal/store/remote"
)

// stopGrace is how long calls under way may take once the door closes. Those that
// never end by themselves are cut after it, and taken up again by their callers.
const stopGrace = time.Second

// Config is what can be set about the door.
type Config struct {
	MeshAddr string `koanf:"mesh-addr" usage:"address at which agents of other machines join, such as 0.0.0.0:9443; empty means none can"`
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if _, _, err := net.SplitHostPort(c.MeshAddr); c.MeshAddr != "" && err != nil {
		return fault.Invalidf("mesh-addr", "is %q; want host:port, such as 0.0.0.0:9443, or nothing", c.MeshAddr)
	}
	return nil
}

// Options are what a door opens on.
type Options struct {
	Config Config
	Dir    string // of the authority: Dir/ca.key, Dir/ca.crt
	Store  store.Lessor
	Blob   *blob.Bucket
	Log    *slog.Logger
	// Keys are those that the agent of a node may touch.
	Keys func(node string) Keys
	// Alive reports whether a node of a name is at work.
	Alive func(ctx context.Context, node string) (bool, error)
}

// Keys are the keys of the store that somebody may read, and write. A name that ends
// in a slash stands for all keys below it.
type Keys struct{ Read, Write []string }

// Door is an app.Module. Without an address it lets nobody in.
type Door struct {
	Options
	roster     *member.Roster
	authority  *identity.Authority
	credential *identity.Credential
	agents     *Agents
	offers     []Offer
	listener   net.Listener // set before listening is closed
	listening  chan struct{}
}

var _ app.Module = (*Door)(nil)

// New makes a door, and the mesh's authority when there is none yet.
func New(o Options) (*Door, error) {
	d := &Door{Options: o, roster: member.New(o.Store, o.Alive), listening: make(chan struct{})}
	if !d.Open() {
		return d, nil
	}
	var err error
	if d.authority, err = identity.OpenAuthority(filepath.Clean(o.Dir)); err != nil {
		return nil, err
	}
	if d.credential, err = d.authority.HeadCredential(); err != nil {
		return nil, fmt.Errorf("make the head's certificate: %w", err)
	}
	d.agents = NewAgents(d.credential)
	return d, nil
}

// Offer registers services with the door's server. The node that makes a call is told
// by caller.
type Offer func(server grpc.ServiceRegistrar, caller func(context.Context) (node string, err error))

// Offer has more services offered to nodes that have joined. It is called before Run.
func (d *Door) Offer(more Offer) { d.offers = append(d.offers, more) }

// Open reports whether the door has an address to listen on.
func (d *Door) Open() bool { return d.Config.MeshAddr != "" }

// Agents reaches the agents of nodes that have joined; nil when none can.
func (d *Door) Agents() *Agents { return d.agents }

// Name implements app.Module.
func (d *Door) Name() string { return "mesh" }

// Register implements app.Module: among the head's services are those for its owner.
func (d *Door) Register(server grpc.ServiceRegistrar) {
	meshv1.RegisterTokenServiceServer(server, &tokens{door: d})
}

// Ready implements app.Module.
func (d *Door) Ready(context.Context) error {
	select {
	case <-d.listening:
		return nil
	default:
		return fault.Unavailablef("the mesh's door does not listen yet")
	}
}

// Address is where the door listens, with the true port; empty when it does not.
func (d *Door) Address() string {
	if d.Ready(context.Background()) != nil || d.listener == nil {
		return ""
	}
	return d.listener.Addr().String()
}

// Run implements app.Module.
func (d *Door) Run(ctx context.Context) error {
	if !d.Open() {
		close(d.listening)
		<-ctx.Done()
		return nil
	}
	defer d.agents.close()
	if err := d.listen(ctx); err != nil {
		return err
	}
	server := d.newServer(ctx)
	ended := context.AfterFunc(ctx, func() {
		late := time.AfterFunc(stopGrace, server.Stop)
		defer late.Stop()
		server.GracefulStop()
	})
	defer ended()
	d.Log.InfoContext(ctx, "agents of other machines can join", slog.String("listen", d.Address()))
	return server.Serve(d.listener)
}

func (d *Door) listen(ctx context.Context) (err error) {
	d.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", d.Config.MeshAddr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fault.Unavailablef("address %s is in use: stop what listens there, or choose another --mesh-addr", d.Config.MeshAddr).
			WithReason("ADDRESS_IN_USE").WithCause(err)
	}
	if err != nil {
		return fmt.Errorf("listen on --mesh-addr: %w", err)
	}
	close(d.listening)
	return nil
}

// newServer is all that is served at the door.
func (d *Door) newServer(ctx context.Context) *grpc.Server {
	guard := guard{roster: d.roster, ended: ctx.Done()}
	options := rpc.FarServerOptions(credentials.NewTLS(d.credential.ServerTLS()))
	server := rpc.NewServer(d.Log, append(options,
		grpc.InTapHandle(guard.tap),
		grpc.ChainUnaryInterceptor(guard.unary),
		grpc.ChainStreamInterceptor(guard.stream),
	)...)
	registerMembership(server, d)
	storeremote.Register(server, d.Store, d.caller)
	blobremote.Register(server, d.Blob)
	for _, offer := range d.offers {
		offer(server, node)
	}
	return server
}

// node is the name of the node that calls. The guard has let it in.
func node(ctx context.Context) (string, error) {
	id, _, err := identity.Caller(ctx)
	return id.Node, err
}

// caller is who calls the store. The guard has let it in.
func (d *Door) caller(ctx context.Context) (storeremote.Caller, error) {
	id, _, err := identity.Caller(ctx)
	if err != nil {
		return storeremote.Caller{}, err
	}
	keys := d.Keys(id.Node)
	return storeremote.Caller{Name: id.Node, Read: keys.Read, Write: keys.Write}, nil
}
