// Package embedded runs everything kfmesh keeps its data in inside this
// process, under one data directory:
//
//	lock       who uses the directory
//	etcd/      live state
//	nats/      events, in JetStream
//	blobs/     artifacts, as plain files
//	kfmesh.db  history and metadata, SQLite
//
// Neither etcd nor NATS listens anywhere. Every commit is on disk before it
// returns, as it is in a cluster. One process at a time uses a directory.
package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/jetstream"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/etcd"
)

// Backends is what services keep their data in.
type Backends struct {
	Store       store.Lessor
	Bus         event.Bus
	Blob        *blob.Bucket
	DatabaseURL string // of history and metadata, "sqlite:///path"

	lock *os.File
	etcd *etcdServer
	nats *natsServer
}

// Start starts everything on a data directory, which it makes when needed, and
// returns once it can be used. fault.Precondition when another process uses it.
func Start(ctx context.Context, dataDir string, log *slog.Logger) (*Backends, error) {
	dir, err := filepath.Abs(dataDir)
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dataDir, err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Preconditionf("data directory %s cannot be made", dir).WithCause(err)
	}
	b := &Backends{DatabaseURL: (&url.URL{Scheme: "sqlite", Path: filepath.Join(dir, "kfmesh.db")}).String()}
	if b.lock, err = lock(dir); err != nil {
		return nil, err
	}
	group, startCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.startStore(startCtx, filepath.Join(dir, "etcd"), log) })
	group.Go(func() error { return b.startBus(startCtx, filepath.Join(dir, "nats"), log) })
	group.Go(func() (err error) {
		b.Blob, err = blob.Open(startCtx, filepath.Join(dir, "blobs"))
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Backends) startStore(ctx context.Context, dir string, log *slog.Logger) (err error) {
	if b.etcd, err = startEtcd(ctx, dir, log.With(slog.String("component", "etcd"))); err != nil {
		return err
	}
	b.Store = etcd.New(b.etcd.client)
	return nil
}

func (b *Backends) startBus(ctx context.Context, dir string, log *slog.Logger) (err error) {
	if b.nats, err = startNATS(ctx, dir, log.With(slog.String("component", "nats"))); err != nil {
		return err
	}
	b.Bus, err = jetstream.New(ctx, b.nats.conn)
	return err
}

// Close stops everything and gives the directory free.
func (b *Backends) Close() error {
	var errs []error
	if b.Blob != nil {
		errs = append(errs, b.Blob.Close())
	}
	if b.nats != nil {
		b.nats.close()
	}
	if b.etcd != nil {
		errs = append(errs, b.etcd.close())
	}
	return errors.Join(append(errs, b.lock.Close())...)
}
