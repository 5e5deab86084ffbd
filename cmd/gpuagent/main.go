// Command gpuagent serves kfmesh's gpuagent service from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("gpuagent", version, gpuagent.DefaultConfig(), gpuagent.New))
}
