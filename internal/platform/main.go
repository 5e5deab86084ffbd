package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/telemetry"
)

// service is a service that can run on its own. C is its configuration, a
// struct as internal/config takes it.
type service[C any, M app.Module] struct {
	name     string
	version  string
	defaults C
	create   func(C, app.Deps) (M, error)
}

// settings is everything the process can be told.
type settings[C any] struct {
	Platform Config `koanf:",squash"`
	Service  C      `koanf:",squash"`
}

// Main runs the service that create makes until the process is told to stop,
// and returns the exit status. The configuration starts from defaults and is
// read from --config, KFMESH_* and the flags, together with Config. A second
// signal ends the process at once.
func Main[C any, M app.Module](name, version string, defaults C, create func(C, app.Deps) (M, error)) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	s := service[C, M]{name: name, version: version, defaults: defaults, create: create}
	if err := s.command(os.Environ()).ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 1
	}
	return 0
}

// command is the service's command line.
func (s service[C, M]) command(environ []string) *cobra.Command {
	cfg := settings[C]{Platform: DefaultConfig(s.name), Service: s.defaults}
	command := &cobra.Command{
		Use:           s.name,
		Short:         "Serve kfmesh's " + s.name + " service from a process of its own",
		Args:          cobra.NoArgs,
		Version:       s.version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := config.Load(command.Flags(), &cfg, environ); err != nil {
				return err
			}
			return s.run(command.Context(), cfg)
		},
	}
	config.Bind(command.Flags(), &cfg)
	return command
}

// run serves until ctx ends.
func (s service[C, M]) run(ctx context.Context, cfg settings[C]) (err error) {
	log := telemetry.NewLogger(os.Stderr, cfg.Platform.Log).With(slog.String("service", s.name))
	observed, err := telemetry.Start(ctx, s.name, s.version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observed.Shutdown(ctx)) }()
	backends, err := Connect(ctx, cfg.Platform.Backends)
	if err != nil && ctx.Err() != nil {
		return nil // told to stop before there was anything to stop
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backends.Close()) }()
	mesh, err := cfg.Platform.mesh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mesh.Close()) }()
	module, err := s.create(cfg.Service, app.Deps{
		Store: backends.Store, Bus: backends.Bus, Blob: backends.Blob,
		Mesh: mesh, Log: log, Metrics: observed.Metrics(), Version: s.version,
	})
	if err != nil {
		return err
	}
	page, err := serveMetrics(ctx, cfg.Platform.Metrics, observed.Metrics())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, page.close()) }()
	return serve(ctx, cfg.Platform.Listen, log, module)
}

func (c Config) mesh() (*rpc.Dialed, error) {
	addresses, err := c.addresses()
	if err != nil {
		return nil, err
	}
	return rpc.NewDialed(addresses)
}

// serve runs the module behind a gRPC port until ctx ends.
func serve(ctx context.Context, address string, log *slog.Logger, module app.Module) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen for other services: %w", err)
	}
	server := rpc.NewServer(log)
	host := &app.Host{
		Log:    log,
		Server: server,
		Serve:  func() error { return server.Serve(listener) },
		Ready:  func() { log.InfoContext(ctx, "ready", slog.String("listen", listener.Addr().String())) },
	}
	return host.Run(ctx, module)
}
