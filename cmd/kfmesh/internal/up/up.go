package up

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/embedded"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/telemetry"
)

// Options say how one process serves.
type Options struct {
	Config  Config
	Version string
	Out     io.Writer // told what is served, once it is
	Log     io.Writer
}

// gcPercent is by how much the heap may grow before it is collected. Most of it lives for
// long: with Go's default of 100 a run of 10,000 steps takes 20 MB more, and no less time.
const gcPercent = 80

// Run serves until ctx ends, and returns nil when everything has stopped in
// good order. fault.Precondition when another process uses the data directory.
func Run(ctx context.Context, o Options) (err error) {
	begun := time.Now()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	cfg, err := o.Config.resolved()
	if err != nil {
		return err
	}
	log := telemetry.NewLogger(o.Log, cfg.Log)
	observed, err := telemetry.Start(ctx, "kfmesh", o.Version)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, observed.Shutdown(ctx)) }()
	backends, err := embedded.Start(ctx, cfg.DataDir, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, backends.Close()) }()

	server := rpc.NewServer(log)
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, mesh.Close()) }()
	services, err := newServices(cfg, config.Secret(backends.DatabaseURL), app.Deps{
		Store: backends.Store, Bus: backends.Bus, Blob: backends.Blob,
		Mesh: mesh, Log: log, Metrics: observed.Metrics(), Version: o.Version,
	})
	if err != nil {
		return err
	}
	host := app.Host{
		Log: log, Server: server, Serve: mesh.Serve,
		Ready: func() {
			o.announce(cfg, services, time.Since(begun))
			debug.FreeOSMemory() // a start reads, and drops, more than is held from then on
		},
	}
	return host.Run(ctx, services.modules...)
}

// announce says what is served and where.
func (o Options) announce(cfg Config, s *services, took time.Duration) {
	http, grpc := s.gateway.Addresses()
	mesh := ""
	if address := s.head.DoorAddress(); address != "" {
		mesh = "\n  mesh   " + address + "   (agents of other machines; kfmesh token create)"
	}
	fmt.Fprintf(o.Out, `kfmesh %s
  HTTP   http://%s   (REST, the KFP API for kfp.Client(host=...), /openapi)
  gRPC   %s   (kfmesh commands, reflection)%s
  data   %s
ready in %.2f s
`, o.Version, http, grpc, mesh, cfg.DataDir, took.Seconds())
}
