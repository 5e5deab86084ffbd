package embedded_test

import (
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/embedded"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/eventtest"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/storetest"
)

func start(t *testing.T, dir string) *embedded.Backends {
	t.Helper()
	b, err := embedded.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStoreConforms(t *testing.T) {
	b := start(t, t.TempDir())
	defer b.Close()
	n := 0
	storetest.Run(t, func(*testing.T) (store.Backend, string) {
		n++
		return b.Store, fmt.Sprintf("/test%d/", n)
	})
}

func TestBusConforms(t *testing.T) {
	eventtest.Run(t, func(t *testing.T) event.Bus {
		b := start(t, t.TempDir())
		t.Cleanup(b.Close)
		return b.Bus
	})
}

func TestStateSurvives(t *testing.T) {
	dir := t.TempDir()
	b := start(t, dir)
	if _, err := b.Store.Commit(t.Context(), store.Op{Key: "/a", Value: []byte("1")}); err != nil {
		t.Fatal(err)
	}
	b.Close()
	b = start(t, dir)
	defer b.Close()
	if e, err := b.Store.Get(t.Context(), "/a"); err != nil || string(e.Value) != "1" {
		t.Errorf("after a restart /a is %q (%v), want 1", e.Value, err)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	dir := t.TempDir()
	defer start(t, dir).Close()
	_, err := embedded.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	want := fmt.Sprintf("data directory %s is in use by process %d", dir, os.Getpid())
	if !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestUnusableDirectory(t *testing.T) {
	file := t.TempDir() + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(t.Context(), file, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a file was taken for a data directory")
	}
}
