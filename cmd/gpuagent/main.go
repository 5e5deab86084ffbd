// Command gpuagent serves kfmesh's gpuagent service from a process of its own. With
// --mesh-addr it is a head that agents of other machines join.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/cmd/internal/head"
	"github.com/kfmesh/kfmesh/internal/platform"
)

// version is set by the linker.
var version = "dev"

func main() {
	os.Exit(platform.Main("gpuagent", version, head.DefaultConfig(), head.NewAlone))
}
