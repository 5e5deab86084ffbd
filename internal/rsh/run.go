package rsh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

// Durations of a client.
const (
	patience  = 2 * time.Minute // for the other replica to begin
	tryAgain  = 200 * time.Millisecond
	dialTime  = 10 * time.Second
	chunkSize = 32 << 10
)

// Stdio is what a command reads and writes.
type Stdio struct {
	In       io.Reader // nil for nothing
	Out, Err io.Writer
}

// Run runs a command line where a server of the same run is, and returns its exit
// status. It waits for a server that has not begun. Signals are passed on.
func Run(ctx context.Context, address string, c *Credentials, line string, stdio Stdio, signals <-chan os.Signal) (int, error) {
	conn, err := dial(ctx, address, c)
	if err != nil {
		return StatusFailed, err
	}
	defer conn.Close()
	said := &writer{w: conn}
	if err := said.put(command, []byte(line)); err != nil {
		return StatusFailed, err
	}
	done := make(chan struct{})
	defer close(done)
	go passSignals(signals, said, done)
	go passInput(stdio.In, said)
	for {
		k, content, err := read(conn)
		if err != nil {
			return StatusFailed, fmt.Errorf("the connection to %s was lost before the command had ended: %w", address, err)
		}
		switch {
		case k == output:
			_, err = stdio.Out.Write(content)
		case k == faults:
			_, err = stdio.Err.Write(content)
		case k == status && len(content) == 1:
			return int(content[0]), nil
		}
		if err != nil {
			return StatusFailed, err
		}
	}
}

func dial(ctx context.Context, address string, c *Credentials) (*tls.Conn, error) {
	deadline := time.Now().Add(patience)
	for {
		conn, err := dialOnce(ctx, address, c)
		if err == nil || errors.Is(err, errForeign) || ctx.Err() != nil {
			return conn, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s has not begun within %s: %w", address, patience, err)
		}
		select {
		case <-time.After(tryAgain):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func dialOnce(ctx context.Context, address string, c *Credentials) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	secure := tls.Client(conn, c.config())
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

func passSignals(signals <-chan os.Signal, to *writer, done <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			if number, ok := s.(syscall.Signal); ok {
				_ = to.put(signaled, []byte{byte(number)})
			}
		case <-done:
			return
		}
	}
}

// passInput sends what there is to read, and its end.
func passInput(from io.Reader, to *writer) {
	chunk := make([]byte, chunkSize)
	for from != nil {
		n, err := from.Read(chunk)
		if n > 0 && to.put(input, chunk[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = to.put(input, nil)
}
