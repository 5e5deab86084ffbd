package remote_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/blob/remote"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// patience is how long a test waits for what should come soon.
const patience = 30 * time.Second

// serve serves a new directory and returns it, the mesh that reaches it, and what
// stops the server.
func serve(t *testing.T) (dir string, mesh *rpc.InMemory, stop func()) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "blobs")
	near, err := blob.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	server := rpc.NewServer(slog.New(slog.DiscardHandler))
	remote.Register(server, near)
	if mesh, err = rpc.NewInMemory(server); err != nil {
		t.Fatal(err)
	}
	serve := mesh.Serve
	go func() { _ = serve() }()
	t.Cleanup(func() {
		server.Stop()
		_ = mesh.Close()
		_ = near.Close()
	})
	return dir, mesh, server.Stop
}

func open(t *testing.T, mesh rpc.Mesh) *blob.Bucket {
	t.Helper()
	b, err := remote.Open(t.Context(), mesh.Conn("blob"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestLargeObjects(t *testing.T) {
	t.Parallel()
	dir, mesh, _ := serve(t)
	b := open(t, mesh)
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/4) // 4 MiB: many messages
	if err := b.Store(t.Context(), "a/b", bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "a", "b")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the head holds %d bytes, %v", len(got), err)
	}
	if got, err := b.Get(t.Context(), "a/b"); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read %d bytes, %v", len(got), err)
	}
}

// TestPathsOfTheHeadAreInTheBucket: what a URI of the head's directory names is in
// the bucket, even where this machine has a file of that very path.
func TestPathsOfTheHeadAreInTheBucket(t *testing.T) {
	t.Parallel()
	dir, mesh, _ := serve(t)
	b := open(t, mesh)
	if _, local := b.Local(); local || b.URI("a") != filepath.Join(dir, "a") {
		t.Fatalf("the URI is %s", b.URI("a"))
	}
	own := filepath.Join(t.TempDir(), "own")
	if err := os.WriteFile(own, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := b.Upload(t.Context(), "file://"+dir+"/run/out", own); err != nil {
		t.Fatal(err)
	}
	if there, err := b.Holds(t.Context(), dir+"/run/out"); err != nil || !there {
		t.Errorf("held: %v, %v", there, err)
	}
	if there, err := b.Holds(t.Context(), own); err != nil || !there {
		t.Errorf("a path of this machine is not seen: %v, %v", there, err)
	}
}

func TestWhatIsCutOffLeavesNothing(t *testing.T) {
	t.Parallel()
	dir, mesh, stop := serve(t)
	client := doorv1.NewBlobServiceClient(mesh.Conn("blob"))
	half := func(ctx context.Context) doorv1.BlobService_WriteObjectClient {
		stream, err := client.WriteObject(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []*doorv1.WriteObjectRequest{{Key: "new/a"}, {Content: make([]byte, 100_000)}} {
			if err := stream.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		return stream
	}
	if _, err := half(t.Context()).CloseAndRecv(); !fault.Is(err, fault.Canceled) {
		t.Errorf("a call that ended too early: %v", err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	stream := half(ctx)
	giveUp()
	if _, err := stream.CloseAndRecv(); err == nil {
		t.Error("a call that was given up succeeded")
	}
	stream = half(t.Context())
	stop()
	if _, err := stream.CloseAndRecv(); err == nil {
		t.Error("a call whose server went away succeeded")
	}
	for begun := time.Now(); ; <-time.After(time.Millisecond) {
		left, err := filepath.Glob(filepath.Join(dir, ".incoming", "*"))
		if err != nil {
			t.Fatal(err)
		}
		if len(left) == 0 {
			break
		}
		if time.Since(begun) > patience {
			t.Fatalf("left behind: %v", left)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "new")); !os.IsNotExist(err) {
		t.Errorf("something was made: %v", err)
	}
}

func TestKeysCannotClimbOut(t *testing.T) {
	t.Parallel()
	dir, mesh, _ := serve(t)
	client := doorv1.NewBlobServiceClient(mesh.Conn("blob"))
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "secret"), []byte("hush"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"../secret", "/etc/passwd", "a/../../secret", "..", "./a", "a//b", "a\x00b"} {
		if _, err := client.GetObject(t.Context(), &doorv1.GetObjectRequest{Key: key}); !fault.Is(err, fault.Invalid) {
			t.Errorf("get %q: %v", key, err)
		}
		if _, err := client.DeleteObject(t.Context(), &doorv1.DeleteObjectRequest{Key: key}); !fault.Is(err, fault.Invalid) {
			t.Errorf("delete %q: %v", key, err)
		}
		if _, err := client.ListObjects(t.Context(), &doorv1.ListObjectsRequest{Prefix: key + "/"}); !fault.Is(err, fault.Invalid) {
			t.Errorf("list %q: %v", key, err)
		}
		reading, err := client.ReadObject(t.Context(), &doorv1.ReadObjectRequest{Key: key})
		if err == nil {
			_, err = reading.Recv()
		}
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("read %q: %v", key, err)
		}
		writing, err := client.WriteObject(t.Context())
		if err == nil {
			_ = writing.Send(&doorv1.WriteObjectRequest{Key: key, Complete: true})
			_, err = writing.CloseAndRecv()
		}
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("write %q: %v", key, err)
		}
	}
}

func TestReadersGiveUp(t *testing.T) {
	t.Parallel()
	_, mesh, _ := serve(t)
	b := open(t, mesh)
	if err := b.Put(t.Context(), "a", make([]byte, 4<<20)); err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	r, err := b.Open(ctx, "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	giveUp()
	if _, err := io.ReadAll(r); err == nil {
		t.Error("all was read after the context had ended")
	}
}

// TestAFileThatCanBeExecutedStaysSo goes from a directory through the door and back into one.
func TestAFileThatCanBeExecutedStaysSo(t *testing.T) {
	t.Parallel()
	dir, mesh, _ := serve(t)
	b := open(t, mesh)
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	modes := map[string]os.FileMode{"bin/run": 0o755, "bin/data": 0o644, "private": 0o600, "own": 0o700}
	for name, mode := range modes {
		path := filepath.Join(from, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Upload(t.Context(), b.URI("tree"), from); err != nil {
		t.Fatal(err)
	}
	if err := b.Download(t.Context(), b.URI("tree"), to); err != nil {
		t.Fatal(err)
	}
	if err := b.Upload(t.Context(), b.URI("single"), filepath.Join(from, "own")); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{filepath.Join(dir, "tree"), to} {
		for name, mode := range modes {
			info, err := os.Stat(filepath.Join(at, name))
			if err != nil {
				t.Fatal(err)
			}
			if got, want := info.Mode()&0o111 != 0, mode&0o100 != 0; got != want {
				t.Errorf("%s has mode %v", filepath.Join(at, name), info.Mode())
			}
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "single")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info, err)
	}
}
