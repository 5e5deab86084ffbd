// Command kfmesh is the whole of kfmesh in one binary: `kfmesh up` serves, the
// other commands talk to what serves. See `kfmesh --help`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/kfmesh/kfmesh/cmd/internal/verb"
	"github.com/kfmesh/kfmesh/cmd/kfmesh/internal/cli"
)

// version is set by the linker.
var version = "dev"

func main() {
	// An agent without kfmesh-supervisor beside it starts this program in its
	// place. It must find the main thread, and signals as the system has them.
	if len(os.Args) > 1 && os.Args[1] == "supervise" {
		os.Exit(verb.Supervise(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Execute(ctx, cli.NewSession(version), os.Args[1:]))
}
