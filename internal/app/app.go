// Package app is the frame every service hangs in: what it is given, what it
// must offer, and the order in which services start and stop.
package app

import (
	"context"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Deps is what a service is given. In one process or in many, the service
// cannot tell.
type Deps struct {
	Store   store.Backend
	Bus     event.Bus // nil on a node that has joined: the head publishes for it
	Blob    *blob.Bucket
	Mesh    rpc.Mesh
	Log     *slog.Logger
	Metrics http.Handler // Prometheus metrics of the process; may be nil
	Version string       // of the binary, such as "v0.1.0"
}

// Module is a service.
type Module interface {
	// Name of the service, such as "pipeline".
	Name() string
	// Register adds the service's gRPC handlers.
	Register(server grpc.ServiceRegistrar)
	// Run does the service's work until ctx ends, then stops it in good order
	// and returns nil. Any other return is a failure that ends the process.
	Run(ctx context.Context) error
	// Ready returns nil once the service can do its work, and otherwise an
	// error that says what it waits for.
	Ready(ctx context.Context) error
}
