// Command kfmesh-supervisor runs one command for an agent and outlives it. It is
// a program of its own, and a tiny one, because a step should not pay for
// starting the whole of kfmesh once more. See package supervise.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/supervise"
)

func main() { os.Exit(supervise.Main(os.Stdin, os.Stderr)) }
