// Package embedded runs what kfmesh stands on inside the process: etcd, NATS
// JetStream, an SQLite file and a directory for artifacts.
//
// Everything is under one data directory, which one process at a time may use:
//
//	lock       held while in use; names the process
//	etcd/      live state
//	nats/      events
//	kfmesh.db  metadata and the archive (SQLite)
//	blobs/     artifacts, specs and logs of the past
//
// Nothing listens on a port. Every commit is synced to disk before it is
// answered.
package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/jetstream"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/etcd"
)

// Backends is what services keep their state in.
type Backends struct {
	Store       store.Backend
	Bus         event.Bus
	Blob        *blob.Bucket
	DatabaseURL string

	lock *lock
	etcd *etcdServer
	nats *natsServer
}

// Start takes the data directory, making it if need be, and starts the servers
// on it. Close stops them.
func Start(ctx context.Context, dir string, log *slog.Logger) (*Backends, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data directory: %w", err)
	}
	b := &Backends{DatabaseURL: "sqlite://" + filepath.Join(dir, "kfmesh.db")}
	if b.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := b.start(ctx, dir); err != nil {
		b.Close()
		return nil, err
	}
	log.DebugContext(ctx, "embedded servers started", "data_dir", dir)
	return b, nil
}

// start starts the servers side by side and wraps them.
func (b *Backends) start(ctx context.Context, dir string) error {
	var servers errgroup.Group
	servers.Go(func() (err error) {
		b.etcd, err = startEtcd(ctx, filepath.Join(dir, "etcd"))
		return err
	})
	servers.Go(func() (err error) {
		b.nats, err = startNATS(ctx, filepath.Join(dir, "nats"))
		return err
	})
	servers.Go(func() (err error) {
		b.Blob, err = blob.Open(ctx, "file://"+filepath.Join(dir, "blobs"))
		return err
	})
	if err := servers.Wait(); err != nil {
		return err
	}
	bus, err := jetstream.New(ctx, b.nats.conn)
	if err != nil {
		return err
	}
	b.Store, b.Bus = etcd.New(b.etcd.client), bus
	return nil
}

// Close stops the servers and lets the data directory go.
func (b *Backends) Close() {
	if b.nats != nil {
		b.nats.close()
	}
	if b.etcd != nil {
		b.etcd.close()
	}
	if b.Blob != nil {
		_ = b.Blob.Close() // a directory has nothing to flush
	}
	b.lock.release()
}
