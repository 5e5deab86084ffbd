package door_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	meshv1 "github.com/kfmesh/kfmesh/gen/kfmesh/mesh/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/mesh/joined"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
)

// patience is how long a test waits for what should come soon.
const patience = 60 * time.Second

// head is a head with a door, which can be stopped and started again.
type head struct {
	t       *testing.T
	dir     string
	store   *store.Memory
	blob    *blob.Bucket
	log     *journal
	door    *door.Door
	tokens  meshv1.TokenServiceClient
	address string
	stop    func()
}

// journal is a log that can be read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func newHead(t *testing.T) *head {
	t.Helper()
	bucket, err := blob.Open(t.Context(), filepath.Join(t.TempDir(), "blobs"))
	if err != nil {
		t.Fatal(err)
	}
	h := &head{t: t, dir: t.TempDir(), store: store.NewMemory(), blob: bucket, log: &journal{}, address: "127.0.0.1:0"}
	h.start()
	t.Cleanup(func() {
		h.stop()
		_ = bucket.Close()
	})
	return h
}

// start opens the door, at the address where it was before.
func (h *head) start() {
	h.t.Helper()
	d, err := door.New(door.Options{
		Config: door.Config{MeshAddr: h.address}, Dir: h.dir, Store: h.store, Blob: h.blob,
		Log:  slog.New(slog.NewTextHandler(h.log, nil)),
		Keys: keys,
		Alive: func(ctx context.Context, node string) (bool, error) {
			_, err := h.store.Get(ctx, "/nodes/"+node)
			if fault.Is(err, fault.NotFound) {
				return false, nil
			}
			return err == nil, err
		},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.door = d
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	d.Register(server)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(h.t.Context()))
	ended := make(chan error, 1)
	go func() { _ = mesh.Serve() }()
	go func() { ended <- d.Run(ctx) }()
	for begun := time.Now(); d.Ready(ctx) != nil; <-time.After(time.Millisecond) {
		if time.Since(begun) > patience {
			h.t.Fatal("the door does not open")
		}
	}
	h.address, h.tokens = d.Address(), meshv1.NewTokenServiceClient(mesh.Conn("mesh"))
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("the door ended with %v", err)
		}
		server.Stop()
		_ = mesh.Close()
	})
}

// keys are those of a node in these tests.
func keys(node string) door.Keys {
	return door.Keys{Read: []string{"/nodes/"}, Write: []string{"/nodes/" + node}}
}

// token makes a token.
func (h *head) token(req *meshv1.CreateTokenRequest) string {
	h.t.Helper()
	made, err := h.tokens.CreateToken(h.t.Context(), req)
	if err != nil {
		h.t.Fatal(err)
	}
	return made.GetSecret()
}

// join joins a node with a token, and keeps what it is given in a directory.
func (h *head) join(token, dir, node string) (*joined.Membership, error) {
	return joined.Join(h.t.Context(), joined.Config{Join: h.address, Token: config.Secret(token)}, dir, node, slog.New(slog.NewTextHandler(h.t.Output(), nil)))
}

// member is a node that has joined and is connected.
func (h *head) member(node string) (*joined.Membership, *joined.Link) {
	h.t.Helper()
	m, err := h.join(h.token(&meshv1.CreateTokenRequest{}), h.t.TempDir(), node)
	if err != nil {
		h.t.Fatal(err)
	}
	return m, h.connect(m)
}

func (h *head) connect(m *joined.Membership) *joined.Link {
	h.t.Helper()
	link, err := m.Connect(h.t.Context(), ":9444")
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() {
		if err := link.Close(); err != nil {
			h.t.Error(err)
		}
	})
	return link
}

// refused fails the test unless an error is of a kind and a reason, and says so much.
func refused(t *testing.T, err error, kind fault.Kind, says string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, want a fault of kind %q that says %q", err, kind, says)
	}
}

// serveAgent serves an agent's gRPC port for the head, and returns its address.
func serveAgent(t *testing.T, m *joined.Membership, register func(grpc.ServiceRegistrar)) string {
	t.Helper()
	listener := listen(t)
	server := rpc.NewServer(slog.New(slog.DiscardHandler), rpc.FarServerOptions(m.ServerCredentials())...)
	register(server)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}

// callAsNode calls the agent of a node as another node would.
func callAsNode(t *testing.T, caller *joined.Membership, node, address string) error {
	t.Helper()
	kept, err := identity.Keep(caller.Dir()).Load(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := door.NewAgents(kept).Agent(node, address)
	if err != nil {
		t.Fatal(err)
	}
	_, err = healthpb.NewHealthClient(conn).Check(t.Context(), &healthpb.HealthCheckRequest{})
	return err
}
