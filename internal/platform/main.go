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

// Service is a service that can run on its own. C is its configuration, a
// struct as internal/config takes it.
type Service[C any] struct {
	Name    string
	Version string
	Default C
	New     func(C, app.Deps) (app.Module, error)
}

// settings is everything the process can be told.
type settings[C any] struct {
	Platform Config `koanf:",squash"`
	Service  C      `koanf:",squash"`
}

// Main runs the service until the process is told to stop, and returns the
// exit status. A second signal ends the process at once.
func Main[C any](s Service[C]) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	if err := s.command(os.Environ()).ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", s.Name, err)
		return 1
	}
	return 0
}

// command is the service's command line.
func (s Service[C]) command(environ []string) *cobra.Command {
	cfg := settings[C]{Platform: DefaultConfig(s.Name), Service: s.Default}
	command := &cobra.Command{
		Use:           s.Name,
		Short:         "Serve kfmesh's " + s.Name + " service from a process of its own",
		Args:          cobra.NoArgs,
		Version:       s.Version,
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
func (s Service[C]) run(ctx context.Context, cfg settings[C]) (err error) {
	log := telemetry.NewLogger(os.Stderr, cfg.Platform.Log).With(slog.String("service", s.Name))
	told, err := telemetry.Start(ctx, s.Name, s.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, told.Shutdown(context.WithoutCancel(ctx))) }()
	backends, err := Connect(ctx, cfg.Platform.Backends)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backends.Close()) }()
	mesh, err := cfg.Platform.mesh()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mesh.Close()) }()
	module, err := s.New(cfg.Service, app.Deps{
		Store: backends.Store, Bus: backends.Bus, Blob: backends.Blob,
		Mesh: mesh, Log: log, Metrics: told.Metrics(), Version: s.Version,
	})
	if err != nil {
		return err
	}
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
