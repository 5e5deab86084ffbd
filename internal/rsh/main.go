package rsh

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

const usage = `usage: kfmesh-rsh serve HOST:PORT        runs commands for the replicas of this run
       kfmesh-rsh run [-n] HOST:PORT COMMAND...   runs one where such a server is
The key of the run is in KFMESH_RUN_KEY.
`

// Main is the program: it returns the exit status.
func Main(args []string, env func(string) string, stdio Stdio) int {
	c, err := NewCredentials(env(KeyName))
	if err == nil {
		switch {
		case len(args) == 2 && args[0] == "serve":
			err = serveAt(args[1], c)
		case len(args) > 2 && args[0] == "run":
			return runAt(args[1:], c, stdio)
		default:
			fmt.Fprint(stdio.Err, usage)
			return StatusFailed
		}
	}
	if err != nil {
		fmt.Fprintf(stdio.Err, "kfmesh-rsh: %v\n", err)
		return StatusFailed
	}
	return 0
}

// serveAt serves at an address, or at its port alone where the address is what others
// know this node by and not its own.
func serveAt(address string, c *Credentials) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		_, port, _ := net.SplitHostPort(address)
		listener, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort("", port))
	}
	if err != nil {
		return err
	}
	return Serve(ctx, listener, c)
}

func runAt(args []string, c *Credentials, stdio Stdio) int {
	if args[0] == "-n" {
		args, stdio.In = args[1:], nil
	}
	if len(args) < 2 {
		fmt.Fprint(stdio.Err, usage)
		return StatusFailed
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	status, err := Run(context.Background(), args[0], c, strings.Join(args[1:], " "), stdio, signals)
	if err != nil {
		fmt.Fprintf(stdio.Err, "kfmesh-rsh: %v\n", err)
	}
	return status
}
