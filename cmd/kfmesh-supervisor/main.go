// Command kfmesh-supervisor runs commands for an agent and outlives it. It is a
// program of its own, and a tiny one, because it stays for as long as a step runs.
// See package supervise, package enter for what it does in the place of a
// command that has mounts, package pod for commands that have others around them, and
// package tether for those in containers.
package main

import (
	"os"

	"github.com/kfmesh/kfmesh/cmd/internal/verb"
)

func main() { os.Exit(verb.Supervise(os.Args[1:])) }
