// Package verb is what kfmesh-supervisor does, and kfmesh in its place where that is not
// beside it: supervise, or stand in for a command.
package verb

import (
	"os"

	"github.com/kfmesh/kfmesh/internal/enter"
	"github.com/kfmesh/kfmesh/internal/pod"
	"github.com/kfmesh/kfmesh/internal/supervise"
	"github.com/kfmesh/kfmesh/internal/tether"
)

// Supervise does what the arguments say, and returns the status to exit with. It must be
// called from the main goroutine.
func Supervise(args []string) int {
	if len(args) > 0 {
		switch args[0] {
		case enter.Verb:
			return enter.Main(args[1:], os.Stderr)
		case pod.Verb:
			return pod.Main(args[1:], os.Stderr)
		case tether.Verb:
			return tether.Main(args[1:], os.Stderr)
		case tether.PauseVerb:
			tether.Pause()
			return 0
		}
	}
	return supervise.Main(os.Stdin, os.Stderr)
}
