// Command metadata serves kfmesh's metadata service from a process of its own.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/platform"
	"github.com/kfmesh/kfmesh/services/metadata"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("metadata", version, metadata.DefaultConfig(), metadata.New))
}
