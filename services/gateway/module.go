package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/gateway/internal/health"
)

const (
	// headerTimeout is how long a client may take to send a request's header.
	headerTimeout = 10 * time.Second
	// idleTimeout is how long a connection may wait for its next request.
	idleTimeout = 2 * time.Minute
	// stopGrace is how long requests that are under way at the end may take.
	// Streams, which may never end by themselves, are cut after it.
	stopGrace = 2 * time.Second
)

// Gateway is the gateway's module.
type Gateway struct {
	cfg       Config
	deps      app.Deps
	listening chan struct{} // closed once both addresses are known
	http      net.Listener  // set before listening is closed
	grpc      net.Listener  // set before listening is closed
}

var _ app.Module = (*Gateway)(nil)

// New makes the gateway. It uses no store and no bus.
func New(cfg Config, deps app.Deps) (*Gateway, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Gateway{cfg: cfg, deps: deps, listening: make(chan struct{})}, nil
}

// Name implements app.Module.
func (g *Gateway) Name() string { return "gateway" }

// Register implements app.Module: the gateway has no services of its own.
func (g *Gateway) Register(grpc.ServiceRegistrar) {}

// Listening is closed once both ports are open.
func (g *Gateway) Listening() <-chan struct{} { return g.listening }

// Addresses returns where the gateway listens, host:port with the true ports.
// Both are empty before Listening is closed.
func (g *Gateway) Addresses() (http, grpc string) {
	if g.Ready(context.Background()) != nil {
		return "", ""
	}
	return g.http.Addr().String(), g.grpc.Addr().String()
}

// Ready implements app.Module: both ports are open.
func (g *Gateway) Ready(context.Context) error {
	select {
	case <-g.listening:
		return nil
	default:
		return fault.Unavailablef("the gateway does not listen yet")
	}
}

// Run implements app.Module: it serves both ports until ctx ends.
func (g *Gateway) Run(ctx context.Context) error {
	checker := health.New(g.deps.Mesh)
	handler, err := newHandler(ctx, g.deps, checker)
	if err != nil {
		return err
	}
	if err := g.listen(ctx); err != nil {
		return err
	}
	// Requests outlive ctx by stopGrace.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	web := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	calls := newServer(g.deps, checker)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return ignoreClosed(web.Serve(g.http)) })
	group.Go(func() error { return calls.Serve(g.grpc) })
	group.Go(func() error {
		<-ctx.Done()
		stop(web, calls, cut)
		return nil
	})
	return group.Wait()
}

// listen opens both ports.
func (g *Gateway) listen(ctx context.Context) error {
	var err error
	if g.http, err = open(ctx, "http-addr", g.cfg.HTTPAddr); err != nil {
		return err
	}
	if g.grpc, err = open(ctx, "grpc-addr", g.cfg.GRPCAddr); err != nil {
		return errors.Join(err, g.http.Close())
	}
	close(g.listening)
	return nil
}

// open listens on an address that a setting names.
func open(ctx context.Context, setting, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.Unavailablef("address %s is in use: stop what listens there, or choose another --%s (port 0 picks a free one)",
			address, setting).WithReason("ADDRESS_IN_USE").WithCause(err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen on --%s: %w", setting, err)
	}
	return listener, nil
}

// stop ends both servers: no new requests, stopGrace for those under way, then
// cut for all that are left.
func stop(web *http.Server, calls *grpc.Server, cut context.CancelFunc) {
	late := time.AfterFunc(stopGrace, func() {
		cut()
		calls.Stop()
		_ = web.Close() // nobody is left to tell
	})
	defer late.Stop()
	var servers sync.WaitGroup
	servers.Go(calls.GracefulStop)
	servers.Go(func() { _ = web.Shutdown(context.Background()) }) // ends with web.Close at the latest
	servers.Wait()
}

// ignoreClosed drops the error of a server that was told to stop.
func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
