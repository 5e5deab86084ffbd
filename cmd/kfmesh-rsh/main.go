// Command kfmesh-rsh runs commands where another replica of a run is, for mpirun, which
// starts its daemons by it. See package rsh.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/rsh"
)

func main() {
	os.Exit(rsh.Main(os.Args[1:], os.Getenv, rsh.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
