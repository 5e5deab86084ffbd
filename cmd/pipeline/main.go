// Command pipeline serves kfmesh's pipeline service from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/pipeline"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("pipeline", version, pipeline.DefaultConfig(), pipeline.New))
}
