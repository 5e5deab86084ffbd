// Package platform runs one service as a process of its own, on backends that
// run elsewhere: an etcd cluster, NATS with JetStream, a bucket, and the other
// services by address. It is the counterpart of internal/embedded.
//
// Main is all that a service's main function calls.
package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/event/jetstream"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/internal/store/etcd"
)

const (
	// patience is how long the backends may take to answer at the start, so
	// that everything can be started at once and in any order.
	patience = 30 * time.Second

	dialTimeout   = 3 * time.Second
	keepAliveTime = 10 * time.Second
	retryPause    = 200 * time.Millisecond
)

// Backends is what a service keeps its data in.
type Backends struct {
	Store store.Lessor
	Bus   event.Bus
	Blob  *blob.Bucket

	etcd *clientv3.Client
	nats *nats.Conn
}

// Connect connects to the backends and returns once all have answered;
// fault.Unavailable when one has not after a while.
func Connect(ctx context.Context, cfg BackendConfig) (*Backends, error) {
	b := &Backends{}
	waitCtx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	group, waitCtx := errgroup.WithContext(waitCtx)
	group.Go(func() error { return b.connectStore(waitCtx, cfg.EtcdEndpoints) })
	group.Go(func() error { return b.connectBus(waitCtx, string(cfg.NATSURL)) })
	group.Go(func() (err error) {
		b.Blob, err = blob.Open(ctx, string(cfg.BlobURL))
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Backends) connectStore(ctx context.Context, endpoints []string) (err error) {
	b.etcd, err = clientv3.New(clientv3.Config{
		Endpoints:            endpoints,
		DialKeepAliveTime:    keepAliveTime,
		DialKeepAliveTimeout: dialTimeout,
		Logger:               zap.NewNop(), // what fails, fails a call
	})
	if err != nil {
		return fault.Invalidf("etcd-endpoints", "%v cannot be used: %v", endpoints, err)
	}
	b.Store = etcd.New(b.etcd)
	return until(ctx, fmt.Sprintf("etcd at %v", endpoints), func(ctx context.Context) error {
		_, _, err := b.Store.List(ctx, "/kfmesh/none/")
		return err
	})
}

func (b *Backends) connectBus(ctx context.Context, url string) (err error) {
	b.nats, err = nats.Connect(url, nats.Name("kfmesh"), nats.MaxReconnects(-1), nats.RetryOnFailedConnect(true),
		nats.ReconnectWait(retryPause))
	if err != nil {
		return fault.Invalidf("nats-url", "cannot be used; want nats://host:port").WithCause(err)
	}
	return until(ctx, "NATS JetStream", func(ctx context.Context) (err error) {
		b.Bus, err = jetstream.New(ctx, b.nats)
		return err
	})
}

// until tries again and again until try succeeds or ctx ends.
func until(ctx context.Context, what string, try func(context.Context) error) error {
	for {
		tryCtx, cancel := context.WithTimeout(ctx, dialTimeout)
		err := try(tryCtx)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-time.After(retryPause):
		case <-ctx.Done():
			return fault.Unavailablef("%s does not answer: %v", what, err).WithCause(err)
		}
	}
}

// Close ends all connections.
func (b *Backends) Close() error {
	var errs []error
	if b.Blob != nil {
		errs = append(errs, b.Blob.Close())
	}
	if b.nats != nil {
		b.nats.Close()
	}
	if b.etcd != nil {
		errs = append(errs, b.etcd.Close())
	}
	return errors.Join(errs...)
}
