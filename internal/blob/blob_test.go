package blob_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/blob/remote"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// eachBucket runs a test on a directory and on a bucket that is not one, here and
// served by another process.
func eachBucket(t *testing.T, test func(t *testing.T, b *blob.Bucket)) {
	t.Helper()
	for name, address := range map[string]string{"directory": filepath.Join(t.TempDir(), "far", "blobs"), "memory": "mem://"} {
		t.Run("remote "+name, func(t *testing.T) { test(t, overTheWire(t, open(t, address))) })
	}
	for name, address := range map[string]string{"directory": filepath.Join(t.TempDir(), "new", "blobs"), "memory": "mem://"} {
		t.Run(name, func(t *testing.T) { test(t, open(t, address)) })
	}
}

// overTheWire is a bucket as another machine sees it.
func overTheWire(t *testing.T, b *blob.Bucket) *blob.Bucket {
	t.Helper()
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	remote.Register(server, b)
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
	far, err := remote.Open(t.Context(), mesh.Conn("blob"))
	if err != nil {
		t.Fatal(err)
	}
	return far
}

func open(t *testing.T, address string) *blob.Bucket {
	t.Helper()
	b, err := blob.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func TestObjects(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		ctx := t.Context()
		if _, err := b.Get(ctx, "a/b"); !fault.Is(err, fault.NotFound) {
			t.Errorf("get before put: %v", err)
		}
		for _, content := range []string{"one", "two", ""} {
			if err := b.Put(ctx, "a/b", []byte(content)); err != nil {
				t.Fatal(err)
			}
			if got, err := b.Get(ctx, "a/b"); err != nil || string(got) != content {
				t.Errorf("got %q, %v; want %q", got, err, content)
			}
		}
		if exists, err := b.Exists(ctx, "a/b"); err != nil || !exists {
			t.Errorf("exists: %v, %v", exists, err)
		}
		for range 2 {
			if err := b.Delete(ctx, "a/b"); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		if exists, err := b.Exists(ctx, "a/b"); err != nil || exists {
			t.Errorf("exists after delete: %v, %v", exists, err)
		}
	})
}

func TestKeysThatAreNoNames(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		for _, key := range []string{"", ".", "..", "/a", "a/", "a//b", "../a", "a/../../b", "a/./b", "a\nb"} {
			if err := b.Put(t.Context(), key, nil); !fault.Is(err, fault.Invalid) {
				t.Errorf("put %q: got %v, want an invalid fault", key, err)
			}
		}
	})
}

func TestStreams(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		w, err := b.Create(t.Context(), "logs/1")
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"one\n", "two\n"} {
			if _, err := io.WriteString(w, line); err != nil {
				t.Fatal(err)
			}
		}
		if exists, err := b.Exists(t.Context(), "logs/1"); err != nil || exists {
			t.Errorf("an object that is being written exists: %v, %v", exists, err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := b.Open(t.Context(), "logs/1")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		if got, err := io.ReadAll(r); err != nil || string(got) != "one\ntwo\n" {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

func TestStreamGivenUp(t *testing.T) {
	t.Parallel()
	eachBucket(t, func(t *testing.T, b *blob.Bucket) {
		ctx, giveUp := context.WithCancel(t.Context())
		w, err := b.Create(ctx, "a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "half"); err != nil {
			t.Fatal(err)
		}
		giveUp()
		if err := w.Close(); err == nil {
			t.Error("a write without its context was closed without error")
		}
		if exists, err := b.Exists(t.Context(), "a"); err != nil || exists {
			t.Errorf("exists: %v, %v", exists, err)
		}
	})
}

func TestDirectoryHoldsNothingElse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b := open(t, "file://"+dir)
	if err := b.Put(t.Context(), "a/b.txt", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if local, ok := b.Local(); !ok || local != dir {
		t.Errorf("local: %q, %v", local, ok)
	}
	if uri := b.URI("a/b.txt"); uri != filepath.Join(dir, "a", "b.txt") {
		t.Errorf("the URI is %s", uri)
	}
	if got := files(t, dir); !slices.Equal(got, []string{"a/b.txt"}) {
		t.Errorf("the directory holds %v", got)
	}
}

func TestURIOfAnyOtherBucket(t *testing.T) {
	t.Parallel()
	b := open(t, "mem://")
	if _, ok := b.Local(); ok {
		t.Error("memory is said to be a directory")
	}
	if uri := b.URI("a/b"); uri != "mem:///a/b" {
		t.Errorf("the URI is %s", uri)
	}
}

func TestOpenRefusesWhatIsNoBucket(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "relative/dir?key=hush", "%hush", "nosuch://bucket?key=hush", "nosuch://hush:hush@bucket"} {
		b, err := blob.Open(t.Context(), address)
		if err == nil {
			t.Fatalf("%q opened as %v", address, b)
		}
		if strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: the error gives its secret away: %v", address, err)
		}
	}
}

// files returns the names of all files under dir.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, strings.TrimPrefix(path, dir+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
