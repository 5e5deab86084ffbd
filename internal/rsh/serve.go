package rsh

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Durations of a server.
const (
	handshakeTime = 10 * time.Second
	killAfter     = 5 * time.Second // SIGKILL after SIGTERM
	drainTime     = 2 * time.Second // what a command left behind may hold its output so long after its end
)

// Serve runs commands for replicas of the same run until ctx ends, and returns once
// all have ended.
func Serve(ctx context.Context, listener net.Listener, c *Credentials) error {
	defer context.AfterFunc(ctx, func() { _ = listener.Close() })()
	var serving sync.WaitGroup
	defer serving.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		serving.Go(func() { serve(ctx, tls.Server(conn, c.config())) })
	}
}

// serve runs the command of one connection.
func serve(ctx context.Context, conn *tls.Conn) {
	defer conn.Close()
	shaking, cancel := context.WithTimeout(ctx, handshakeTime)
	err := conn.HandshakeContext(shaking)
	cancel()
	if err != nil {
		return // not of this run: it is told nothing
	}
	k, line, err := read(conn)
	if err != nil || k != command {
		return
	}
	ctx, cancel = context.WithCancel(ctx)
	defer cancel()
	answer := &writer{w: conn}
	said := runLine(ctx, cancel, string(line), conn, answer)
	_ = answer.put(status, []byte{byte(said)}) // who has gone hears nothing
}

// runLine runs a command line and returns its exit status. The command is killed when
// ctx ends; lost ends it when the connection does.
func runLine(ctx context.Context, lost context.CancelFunc, line string, conn io.Reader, answer *writer) int {
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", line)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Stdout, cmd.Stderr = stream{answer, output}, stream{answer, faults}
	cmd.WaitDelay = drainTime
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		time.AfterFunc(killAfter, func() { _ = syscall.Kill(group, syscall.SIGKILL) })
		return syscall.Kill(group, syscall.SIGTERM)
	}
	stdin, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		_, _ = stream{answer, faults}.Write([]byte(err.Error() + "\n"))
		return StatusFailed
	}
	go func() {
		defer lost()
		listen(conn, stdin, cmd.Process.Pid)
	}()
	err = cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if how, ok := exit.Sys().(syscall.WaitStatus); ok && how.Signaled() {
			return 128 + int(how.Signal())
		}
		return exit.ExitCode()
	}
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return StatusFailed
	}
	return 0
}

// listen hands to a command what its client sends, until the connection ends.
func listen(conn io.Reader, stdin io.WriteCloser, pid int) {
	defer stdin.Close()
	for {
		k, content, err := read(conn)
		if err != nil {
			return
		}
		switch {
		case k == input && len(content) == 0:
			_ = stdin.Close()
		case k == input:
			_, _ = stdin.Write(content) // a command need not read
		case k == signaled && len(content) == 1:
			_ = syscall.Kill(-pid, syscall.Signal(content[0]))
		}
	}
}
