// Command training serves kfmesh's training service from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/training"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("training", version, training.DefaultConfig(), training.New))
}
