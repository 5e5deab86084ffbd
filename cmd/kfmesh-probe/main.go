// Command kfmesh-probe asks a server once whether it is well, for probes of pods whose containers are
// processes: what keeps those is too small a program for TLS and gRPC. See package probe.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/probe"
)

func main() { os.Exit(probe.Main(os.Args[1:], os.Stdout)) }
