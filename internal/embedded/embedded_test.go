package embedded_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/kfmesh/kfmesh/internal/embedded"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/eventtest"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/remote"
	"github.com/kfmesh/kfmesh/internal/store/storetest"
)

func start(t testing.TB, dir string) *embedded.Backends {
	t.Helper()
	b, err := embedded.Start(t.Context(), dir, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// running starts backends that the test's end stops.
func running(t testing.TB) *embedded.Backends {
	t.Helper()
	b := start(t, t.TempDir())
	t.Cleanup(func() { stop(t, b) })
	return b
}

func stop(t testing.TB, b *embedded.Backends) {
	t.Helper()
	if err := b.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestStoreConforms(t *testing.T) {
	t.Parallel()
	b := running(t)
	var tests atomic.Int32
	storetest.Run(t, func(*testing.T) (store.Backend, string) {
		return b.Store, "/test" + strconv.Itoa(int(tests.Add(1))) + "/"
	})
}

// overTheWire is the store of backends as a node that has joined sees it.
func overTheWire(t *testing.T, b *embedded.Backends) store.Backend {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	remote.Register(server, b.Store, func(context.Context) (remote.Caller, error) {
		return remote.Caller{Name: "n", Read: []string{"/"}, Write: []string{"/"}}, nil
	})
	mesh, err := rpc.NewInMemory(server)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = mesh.Serve() }()
	t.Cleanup(func() {
		server.Stop()
		if err := mesh.Close(); err != nil {
			t.Error(err)
		}
	})
	return remote.New(mesh.Conn("store"))
}

func TestStoreConformsOverTheWire(t *testing.T) {
	t.Parallel()
	b := overTheWire(t, running(t))
	var tests atomic.Int32
	storetest.Run(t, func(*testing.T) (store.Backend, string) {
		return b, "/test" + strconv.Itoa(int(tests.Add(1))) + "/"
	})
}

func TestBusConforms(t *testing.T) {
	t.Parallel()
	eventtest.Run(t, func(t *testing.T) event.Bus { return running(t).Bus })
}

func TestEverythingSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir)
	rev, err := b.Store.Commit(t.Context(), store.Op{Key: "/a", Value: []byte("1")})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Blob.Put(t.Context(), "a", []byte("2")); err != nil {
		t.Fatal(err)
	}
	stop(t, b)

	b = start(t, dir)
	defer stop(t, b)
	if e, err := b.Store.Get(t.Context(), "/a"); err != nil || string(e.Value) != "1" || e.Revision != rev {
		t.Errorf("the store holds %+v (%v), want 1 at %d", e, err, rev)
	}
	if content, err := b.Blob.Get(t.Context(), "a"); err != nil || string(content) != "2" {
		t.Errorf("the bucket holds %q (%v)", content, err)
	}
	if want := "sqlite://" + filepath.Join(dir, "kfmesh.db"); b.DatabaseURL != want {
		t.Errorf("the database is %s, want %s", b.DatabaseURL, want)
	}
}

func TestLeasesOfTheProcessBeforeEndAtTheStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir)
	lease, err := b.Store.Grant(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Store.Commit(t.Context(), store.Op{Key: "/leader", Lease: lease}); err != nil {
		t.Fatal(err)
	}
	stop(t, b) // as a kill would: nobody revokes the lease

	b = start(t, dir)
	defer stop(t, b)
	if _, err := b.Store.Get(t.Context(), "/leader"); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want the key to be gone at once", err)
	}
}

// A holder on another machine may live on when this process does not, and goes by
// what it was promised.
func TestLeasesHeldElsewhereOutliveTheProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := start(t, dir)
	lease, err := overTheWire(t, b).Grant(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Store.Commit(t.Context(), store.Op{Key: "/node", Lease: lease}); err != nil {
		t.Fatal(err)
	}
	stop(t, b)

	b = start(t, dir)
	defer stop(t, b)
	if _, err := b.Store.Get(t.Context(), "/node"); err != nil {
		t.Errorf("the key is gone: %v", err)
	}
	if lives, err := b.Store.Renew(t.Context(), lease.ID()); err != nil || lives < time.Hour {
		t.Errorf("the lease lives %s, %v", lives, err)
	}
	if err := b.Store.Recall(t.Context(), lease.ID()); err != nil {
		t.Error(err)
	}
	if _, err := b.Store.Renew(t.Context(), lease.ID()); !fault.Is(err, fault.Precondition) {
		t.Errorf("renewed after its end: %v", err)
	}
}

func TestASecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := start(t, dir)
	_, err := embedded.Start(t.Context(), dir, slog.New(slog.DiscardHandler))
	if !fault.Is(err, fault.Precondition) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), "--data-dir") {
		t.Errorf("got %v, want to be told which process uses the directory and what to do", err)
	}
	stop(t, first)
	stop(t, start(t, dir))
}

func TestADirectoryThatCannotBeMade(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := embedded.Start(t.Context(), filepath.Join(file, "data"), slog.New(slog.DiscardHandler)); !fault.Is(err, fault.Precondition) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		stop(b, start(b, b.TempDir()))
	}
}

func BenchmarkCommit(b *testing.B) {
	backends := running(b)
	for b.Loop() {
		if _, err := backends.Store.Commit(b.Context(), store.Op{Key: "/a", Value: make([]byte, 500), Expect: store.AnyRevision}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	backends := running(b)
	for n := 0; b.Loop(); n++ {
		e := event.Event{ID: strconv.Itoa(n), Subject: event.Subject{Service: "s", Kind: "k", Name: "n", What: "w"}}
		if err := backends.Bus.Publish(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}
