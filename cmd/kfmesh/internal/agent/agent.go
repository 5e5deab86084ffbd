package agent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/joined"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/telemetry"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// Options say how one process is an agent.
type Options struct {
	Config  Config
	Version string
	Out     io.Writer // told what is served, once it is
	Log     io.Writer
}

// Run joins the mesh when this machine has not, and serves until ctx ends. It
// returns nil when everything has stopped in good order.
func Run(ctx context.Context, o Options) (err error) {
	cfg, err := o.Config.resolved()
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(o.Log, cfg.Log)
	observed, err := telemetry.Start(ctx, "kfmesh-agent", o.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observed.Shutdown(ctx)) }()
	member, err := joined.Join(ctx, cfg.Mesh, cfg.meshDir(), cfg.Agent.NodeName, log)
	if err != nil {
		return stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, member.Close()) }()
	listener, err := listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() // the server does, once there is one
	link, err := member.Connect(ctx, cfg.announced(listener))
	if err != nil {
		return stopped(ctx, err)
	}
	defer func() { err = errors.Join(err, link.Close()) }()
	mesh, err := rpc.NewDialed(nil)
	if err != nil {
		return err
	}
	module, err := gpuagent.NewJoined(cfg.Agent, app.Deps{
		Store: link.Store, Blob: link.Blob, Mesh: mesh, Log: log, Metrics: observed.Metrics(), Version: o.Version,
	}, gpuagent.Membership{Address: link.Address, Head: link.Head})
	if err != nil {
		return err
	}
	server := rpc.NewServer(log, rpc.FarServerOptions(member.ServerCredentials())...)
	host := app.Host{
		Log: log, Server: server, Serve: func() error { return server.Serve(listener) },
		Ready: func() {
			o.announce(cfg, member, link)
			go shed(ctx)
		},
	}
	return host.Run(ctx, membership{link}, module)
}

// stopped is nil for a process that was told to stop before there was anything to stop.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	return nil
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fault.Unavailablef("address %s is in use: stop what listens there, or choose another --listen (port 0 picks a free one)", address).
			WithReason("ADDRESS_IN_USE").WithCause(err)
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the head: %w", err)
	}
	return listener, nil
}

// announced is where the head is to call the agent.
func (c Config) announced(listener net.Listener) string {
	if c.Advertise != "" {
		return c.Advertise
	}
	return listener.Addr().String()
}

// announce says what this machine is and where.
func (o Options) announce(cfg Config, m *joined.Membership, l *joined.Link) {
	fmt.Fprintf(o.Out, `kfmesh agent %s
  node   %s, of the mesh at %s
  agent  %s   (for the head alone)
  data   %s
ready
`, o.Version, m.Node, m.Head, l.Address, cfg.Agent.AgentDir)
}

// membership keeps this machine a member for as long as the agent runs.
type membership struct{ link *joined.Link }

var _ app.Module = membership{}

// Name implements app.Module.
func (membership) Name() string { return "membership" }

// Register implements app.Module.
func (membership) Register(grpc.ServiceRegistrar) {}

// Run implements app.Module.
func (m membership) Run(ctx context.Context) error { return m.link.Keep(ctx) }

// Ready implements app.Module.
func (membership) Ready(context.Context) error { return nil }
