// Command kfmesh-supervisor runs commands for an agent and outlives it. It is a
// program of its own, and a tiny one, because it stays for as long as a step runs.
// See package supervise, package enter for what it does in the place of a
// command that has mounts, and package pod for commands that have others around them.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/supervise"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == enter.Verb {
		os.Exit(enter.Main(os.Args[2:], os.Stderr))
	}
	if len(os.Args) > 1 && os.Args[1] == pod.Verb {
		os.Exit(pod.Main(os.Args[2:], os.Stderr))
	}
	os.Exit(supervise.Main(os.Stdin, os.Stderr))
}
