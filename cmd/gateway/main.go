// Command gateway serves kfmesh's REST and gRPC edge from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/gateway"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main(platform.Service[gateway.Config]{
		Name: "gateway", Version: version, Default: gateway.DefaultConfig(),
		New: func(cfg gateway.Config, deps app.Deps) (app.Module, error) {
			return gateway.New(cfg, deps, deps.Metrics)
		},
	}))
}
