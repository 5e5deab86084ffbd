package embedded

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/etcdserver/api/v3client"
	"go.uber.org/zap"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// etcdServer is an embedded one-member etcd and a client inside the same process.
type etcdServer struct {
	server  *embed.Etcd
	client  *clientv3.Client
	sockets string // private directory of its listeners
}

// startEtcd starts etcd on dir. etcd insists on listeners: they are unix
// sockets that only this user can reach; the client bypasses them.
func startEtcd(ctx context.Context, dir string) (*etcdServer, error) {
	sockets, err := os.MkdirTemp("", "kfmesh-") // a data directory's path may be too long for a socket
	if err != nil {
		return nil, fmt.Errorf("make socket directory: %w", err)
	}
	server, err := embed.StartEtcd(etcdConfig(dir, sockets))
	if err != nil {
		_ = os.RemoveAll(sockets)
		return nil, fault.Unavailablef("etcd does not start on %s: %v", dir, err).WithCause(err)
	}
	e := &etcdServer{server: server, sockets: sockets}
	select {
	case <-server.Server.ReadyNotify():
		e.client = v3client.New(server.Server)
		return e, nil
	case err = <-server.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	e.close()
	return nil, fault.Unavailablef("etcd did not become ready on %s: %v", dir, err).WithCause(err)
}

func etcdConfig(dir, sockets string) *embed.Config {
	c := embed.NewConfig()
	c.Dir = dir
	c.Name = "kfmesh"
	c.ListenClientUrls = []url.URL{socketURL(sockets, "client")}
	c.AdvertiseClientUrls = c.ListenClientUrls
	c.ListenPeerUrls = []url.URL{socketURL(sockets, "peer")}
	c.AdvertisePeerUrls = c.ListenPeerUrls
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	// A lone member need not wait for others before it leads.
	c.TickMs, c.ElectionMs = 10, 100
	// History is for watchers that fall behind; they list anew when it is gone.
	c.AutoCompactionMode, c.AutoCompactionRetention = "revision", "10000"
	c.QuotaBackendBytes = 4 << 30
	c.SnapshotCount = 5_000 // entries of the log kept in memory
	c.SnapshotCatchUpEntries = 500
	c.MaxTxnOps = 256
	c.EnableGRPCGateway = false
	c.ZapLoggerBuilder = embed.NewZapLoggerBuilder(zap.NewNop())
	return c
}

func socketURL(dir, name string) url.URL {
	return url.URL{Scheme: "unix", Path: filepath.Join(dir, name)}
}

func (e *etcdServer) close() {
	if e.client != nil {
		_ = e.client.Close() // an in-process client has nothing to lose
	}
	e.server.Close()
	_ = os.RemoveAll(e.sockets)
}
