package embedded

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const (
	// What JetStream may take. The stream itself is limited by age and size.
	streamMemoryBytes = 64 << 20
	streamDiskBytes   = 2 << 30

	natsPatience = 10 * time.Second
)

// natsServer is NATS with JetStream in this process, without a listener.
type natsServer struct {
	server *natsserver.Server
	conn   *nats.Conn
}

// startNATS starts NATS on a directory and connects to it.
func startNATS(ctx context.Context, dir string, log *slog.Logger) (*natsServer, error) {
	server, err := natsserver.NewServer(&natsserver.Options{
		ServerName:         memberName,
		DontListen:         true,
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxMemory: streamMemoryBytes,
		JetStreamMaxStore:  streamDiskBytes,
		NoSigs:             true,
	})
	if err != nil {
		return nil, fmt.Errorf("set up NATS on %s: %w", dir, err)
	}
	server.SetLogger(natsLog{log}, false, false)
	server.Start()
	s := &natsServer{server: server}
	if !server.ReadyForConnections(natsPatience) {
		s.close()
		return nil, fmt.Errorf("start NATS on %s: not ready after %s", dir, natsPatience)
	}
	s.conn, err = nats.Connect("", nats.InProcessServer(server), nats.Name(memberName), nats.MaxReconnects(-1))
	if err != nil {
		s.close()
		return nil, fmt.Errorf("connect to NATS: %w", err)
	}
	if ctx.Err() != nil {
		s.close()
		return nil, ctx.Err()
	}
	return s, nil
}

func (s *natsServer) close() {
	if s.conn != nil {
		s.conn.Close()
	}
	s.server.Shutdown()
	s.server.WaitForShutdown()
}
