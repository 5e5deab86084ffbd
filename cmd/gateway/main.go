// Command gateway serves kfmesh's REST and gRPC edge from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/gateway"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("gateway", version, gateway.DefaultConfig(), gateway.New))
}
