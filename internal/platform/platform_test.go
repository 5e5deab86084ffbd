package platform

import (
	"context"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"go.etcd.io/etcd/server/v3/embed"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/eventtest"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/storetest"
)

// surroundings starts etcd and NATS on ports of their own and returns where
// they are.
func surroundings(t *testing.T) BackendConfig {
	t.Helper()
	etcd := embed.NewConfig()
	etcd.Dir = t.TempDir()
	etcd.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	etcd.ListenPeerUrls = nil
	client := url.URL{Scheme: "http", Host: freeAddress(t)}
	etcd.ListenClientUrls, etcd.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	etcdServer, err := embed.StartEtcd(etcd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(etcdServer.Close)
	nats, err := natsserver.NewServer(&natsserver.Options{
		Host: "127.0.0.1", Port: natsserver.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoLog: true, NoSigs: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(func() { nats.Shutdown(); nats.WaitForShutdown() })
	if !nats.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS does not start")
	}
	return BackendConfig{
		EtcdEndpoints: []string{client.Host},
		NATSURL:       config.Secret(nats.ClientURL()),
		BlobURL:       config.Secret(t.TempDir()),
	}
}

// freeAddress returns an address that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestBackendsConform(t *testing.T) {
	t.Parallel()
	cfg := surroundings(t)
	b, err := Connect(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	n := 0
	storetest.Run(t, func(*testing.T) (store.Backend, string) {
		n++
		return b.Store, "/test" + strings.Repeat("x", n) + "/"
	})
	t.Run("bus", func(t *testing.T) {
		eventtest.Run(t, func(t *testing.T) event.Bus {
			b, err := Connect(t.Context(), surroundings(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = b.Close() })
			return b.Bus
		})
	})
}

func TestConnectSaysWhatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := Connect(ctx, BackendConfig{
		EtcdEndpoints: []string{freeAddress(t)},
		NATSURL:       config.Secret("nats://user:hunter2@" + freeAddress(t)),
		BlobURL:       config.Secret(t.TempDir()),
	})
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want to be told what does not answer, without the password", err)
	}
}

// echo is a service whose readiness is that its deps are there.
type echo struct{ deps app.Deps }

func (echo) Name() string                   { return "echo" }
func (echo) Register(grpc.ServiceRegistrar) {}
func (echo) Run(ctx context.Context) error  { <-ctx.Done(); return nil }
func (e echo) Ready(ctx context.Context) error {
	_, _, err := e.deps.Store.List(ctx, "/")
	return err
}

type echoConfig struct {
	Word string `koanf:"word" usage:"what is said"`
}

func TestAServiceServesUntilItIsStopped(t *testing.T) {
	t.Parallel()
	cfg := surroundings(t)
	address := freeAddress(t)
	said := make(chan string, 1)
	s := service[echoConfig, echo]{name: "echo", defaults: echoConfig{Word: "default"}, create: func(c echoConfig, deps app.Deps) (echo, error) {
		said <- c.Word
		return echo{deps}, nil
	}}
	command := s.command([]string{
		"KFMESH_WORD=hello", "KFMESH_NATS_URL=" + string(cfg.NATSURL), "KFMESH_BLOB_URL=" + string(cfg.BlobURL),
	})
	command.SetArgs([]string{"--listen", address, "--etcd-endpoints", cfg.EtcdEndpoints[0], "--log-level", "error"})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- command.ExecuteContext(ctx) }()

	if word := <-said; word != "hello" {
		t.Errorf("the service was told %q", word)
	}
	mesh, err := rpc.NewDialed(map[string]string{"echo": address})
	if err != nil {
		t.Fatal(err)
	}
	defer mesh.Close()
	updates, err := healthpb.NewHealthClient(mesh.Conn("echo")).Watch(t.Context(), &healthpb.HealthCheckRequest{Service: "echo"}, grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	for {
		got, err := updates.Recv()
		if err != nil {
			t.Fatalf("health: %v", err)
		}
		if got.GetStatus() == healthpb.HealthCheckResponse_SERVING {
			break
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("the service ended with %v", err)
	}
}
