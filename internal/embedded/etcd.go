package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"

	"github.com/kfmesh/kfmesh/internal/store/remote"
)

const (
	// memberName and memberURL stand in etcd's records. It listens nowhere:
	// it is the only member, and its only client is in this process.
	memberName = "kfmesh"
	memberURL  = "http://kfmesh.invalid:2380"

	// A lone member elects itself after one to six ticks. Short ones make that
	// quick, at the price of 50 wake-ups a second.
	tickMillis     = 20
	electionMillis = 100

	// What etcd keeps in memory of its own log.
	logEntries        = 1000
	logCatchUpEntries = 500

	quotaBytes = 2 << 30

	// readyWithin is far longer than etcd takes to elect itself.
	readyWithin = 30 * time.Second

	// What is free in its file before a start takes the time, some 0.3 s, to make that
	// smaller: etcd has all of it in memory.
	freeMegabytes = 8
)

// etcdServer is etcd in this process.
type etcdServer struct {
	server *embed.Etcd
	client *clientv3.Client

	stop    context.CancelFunc // ends the keeping of history
	stopped chan struct{}      // closed once it has ended
}

// startEtcd starts etcd on a directory and returns once it takes writes.
func startEtcd(ctx context.Context, dir string, log *slog.Logger) (*etcdServer, error) {
	server, err := begin(etcdConfig(dir, log))
	if err != nil {
		return nil, err
	}
	s := &etcdServer{server: server, client: v3client.New(server.Server)}
	s.keepHistory(ctx, log)
	if err := s.takeOver(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start etcd on %s: %w", dir, err), s.close())
	}
	return s, nil
}

// takeOver returns once etcd takes writes and nothing is left of whoever used
// it before.
func (s *etcdServer) takeOver(ctx context.Context) error {
	if err := s.ready(ctx, readyWithin); err != nil {
		return err
	}
	return s.revokeAll(ctx)
}

// ready returns once etcd takes writes. Of files that do not fit together, such as a log that
// ends before what the database has of it, it never would, and says nothing.
func (s *etcdServer) ready(ctx context.Context, within time.Duration) error {
	select {
	case <-s.server.Server.ReadyNotify():
		return nil
	case <-time.After(within):
		return damaged(s.server.Config().Dir, fmt.Sprintf("nothing came of it within %s", within))
	case err := <-s.server.Err():
		return err
	case <-s.server.Server.StopNotify():
		return errors.New("it stopped")
	case <-ctx.Done():
		return ctx.Err()
	}
}

// revokeAll ends the leases of the process before this one, so that nobody
// waits for them to run out: only one process at a time uses the directory, so
// whoever held them is gone. Leases of holders on other machines are left to them.
func (s *etcdServer) revokeAll(ctx context.Context) error {
	held, err := s.client.Leases(ctx)
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	for _, l := range held.Leases {
		if elsewhere, err := s.heldElsewhere(ctx, l.ID); err != nil || elsewhere {
			if err != nil {
				return fmt.Errorf("look up lease %x: %w", l.ID, err)
			}
			continue
		}
		if _, err := s.client.Revoke(ctx, l.ID); err != nil && !errors.Is(err, rpctypes.ErrLeaseNotFound) {
			return fmt.Errorf("revoke lease %x: %w", l.ID, err)
		}
	}
	return nil
}

// heldElsewhere reports whether a lease was granted to a holder outside of this
// process.
func (s *etcdServer) heldElsewhere(ctx context.Context, id clientv3.LeaseID) (bool, error) {
	found, err := s.client.TimeToLive(ctx, id, clientv3.WithAttachedKeys())
	if err != nil {
		return false, err
	}
	for _, key := range found.Keys {
		if strings.HasPrefix(string(key), remote.LeasePrefix) {
			return true, nil
		}
	}
	return false, nil
}

func etcdConfig(dir string, log *slog.Logger) *embed.Config {
	cfg := embed.NewConfig()
	cfg.Name = memberName
	cfg.Dir = filepath.Clean(dir)
	cfg.ListenPeerUrls, cfg.ListenClientUrls, cfg.AdvertiseClientUrls = nil, nil, nil
	if u, err := url.Parse(memberURL); err == nil {
		cfg.AdvertisePeerUrls = []url.URL{*u}
	}
	cfg.InitialCluster = memberName + "=" + memberURL
	cfg.TickMs, cfg.ElectionMs = tickMillis, electionMillis
	cfg.SnapshotCount, cfg.SnapshotCatchUpEntries = logEntries, logCatchUpEntries
	cfg.BootstrapDefragThresholdMegabytes = freeMegabytes
	cfg.QuotaBackendBytes = quotaBytes
	cfg.CompactHashCheckTime = math.MaxInt64 * time.Nanosecond
	cfg.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zapTo(log, cfg.Dir))
	return cfg
}

func (s *etcdServer) close() error {
	s.stop()
	<-s.stopped
	err := s.client.Close()
	s.server.Close()
	if errors.Is(err, context.Canceled) {
		return nil // the in-process client reports its own cancelation
	}
	return err
}
