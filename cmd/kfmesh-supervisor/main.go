// Command kfmesh-supervisor runs commands for an agent and outlives it. It is a
// program of its own, and a tiny one, because it stays for as long as a step runs.
// See package supervise.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

func main() { os.Exit(supervise.Main(os.Stdin, os.Stderr)) }
