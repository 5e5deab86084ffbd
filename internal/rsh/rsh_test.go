package rsh

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	testKey  = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	otherKey = "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
)

func credentials(t *testing.T, key string) *Credentials {
	t.Helper()
	c, err := NewCredentials(key)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serveFor serves until the test ends, and returns the address and what ends it before.
func serveFor(t *testing.T) (address string, stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, listener, credentials(t, testKey)) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return listener.Addr().String(), stop
}

func TestACommandRunsThere(t *testing.T) {
	t.Parallel()
	address, _ := serveFor(t)
	for line, want := range map[string]struct {
		status   int
		out, err string
	}{
		"cat; echo bad >&2; exit 7": {7, "given\n", "bad\n"},
		"true":                      {0, "", ""},
		"kill -9 $$":                {137, "", ""},
		"exit 255":                  {255, "", ""},
		"head -c 3000000 /dev/zero": {0, strings.Repeat("\x00", 3000000), ""},
		"(sleep 600 &) ; echo left": {0, "left\n", ""},
	} {
		var out, errs bytes.Buffer
		stdio := Stdio{In: strings.NewReader("given\n"), Out: &out, Err: &errs}
		status, err := Run(t.Context(), address, credentials(t, testKey), line, stdio, nil)
		if err != nil || status != want.status || out.String() != want.out || errs.String() != want.err {
			t.Errorf("%s: status %d, %v, wrote %d bytes and %q", line, status, err, out.Len(), &errs)
		}
	}
}

func TestWhoIsNotOfTheRunIsToldNothing(t *testing.T) {
	t.Parallel()
	address, _ := serveFor(t)
	_, err := Run(t.Context(), address, credentials(t, otherKey), "true", Stdio{}, nil)
	if !errors.Is(err, errForeign) {
		t.Errorf("got %v", err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("c\x00\x00\x00\x04true")); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetReadDeadline(time.Now().Add(handshakeTime))
	if k, _, err := read(conn); err == nil && k == status {
		t.Error("a command was run for who has no key")
	}
	if _, err := NewCredentials("short"); err == nil {
		t.Error("a key that is none is taken")
	}
}

// pidIn waits for a file with the number of a process.
func pidIn(t *testing.T, path string) int {
	t.Helper()
	for begun := time.Now(); time.Since(begun) < 20*time.Second; <-time.After(5 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if pid, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
			return pid
		}
	}
	t.Fatalf("%s holds no process", path)
	return 0
}

func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for begun := time.Now(); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH); <-time.After(5 * time.Millisecond) {
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("process %d goes on", pid)
		}
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	t.Parallel()
	address, _ := serveFor(t)
	at, signals := filepath.Join(t.TempDir(), "pid"), make(chan os.Signal, 1)
	var out bytes.Buffer
	go func() {
		pidIn(t, at)
		signals <- syscall.SIGUSR1
	}()
	status, err := Run(t.Context(), address, credentials(t, testKey),
		"trap 'echo caught; exit 3' USR1; echo $$ > "+at+"; while :; do sleep 0.05; done", Stdio{Out: &out, Err: io.Discard}, signals)
	if err != nil || status != 3 || out.String() != "caught\n" {
		t.Errorf("status %d, %v, wrote %q", status, err, &out)
	}
}

// TestWhatRunsEndsWithWhoWantedIt, and with the server.
func TestWhatRunsEndsWithWhoWantedIt(t *testing.T) {
	t.Parallel()
	address, stop := serveFor(t)
	for _, end := range []string{"client", "server"} {
		at := filepath.Join(t.TempDir(), "pid")
		conn, err := dial(t.Context(), address, credentials(t, testKey))
		if err != nil {
			t.Fatal(err)
		}
		if err := (&writer{w: conn}).put(command, []byte("echo $$ > "+at+"; exec sleep 600")); err != nil {
			t.Fatal(err)
		}
		pid := pidIn(t, at)
		if end == "client" {
			_ = conn.Close()
		} else {
			stop()
		}
		awaitGone(t, pid)
		_ = conn.Close()
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("c\x00\x00\x00\x04true"))
	f.Add([]byte("x\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, content, err := read(bytes.NewReader(data))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := (&writer{w: &again}).put(k, content); err != nil || !bytes.HasPrefix(data, again.Bytes()) {
			t.Errorf("%q became %q", data, again.Bytes())
		}
	})
}
