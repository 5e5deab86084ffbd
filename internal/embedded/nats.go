package embedded

import (
	"context"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/kfmesh/kfmesh/internal/fault"
)

const natsPatience = 10 * time.Second

// natsServer is an embedded NATS server with JetStream and a connection to it
// inside the same process. It listens on no port.
type natsServer struct {
	server *server.Server
	conn   *nats.Conn
}

func startNATS(ctx context.Context, dir string) (*natsServer, error) {
	s, err := server.NewServer(&server.Options{
		ServerName:         "kfmesh",
		DontListen:         true,
		JetStream:          true,
		StoreDir:           dir,
		JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore:  1 << 30,
		NoSigs:             true,
		NoLog:              true,
	})
	if err != nil {
		return nil, fault.Unavailablef("NATS does not start on %s: %v", dir, err).WithCause(err)
	}
	s.Start()
	patience := natsPatience
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline))
	}
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		return nil, fault.Unavailablef("NATS did not become ready on %s", dir)
	}
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.Name("kfmesh"))
	if err != nil {
		s.Shutdown()
		return nil, fault.Unavailablef("NATS on %s takes no connection: %v", dir, err).WithCause(err)
	}
	return &natsServer{server: s, conn: conn}, nil
}

func (n *natsServer) close() {
	n.conn.Close()
	n.server.Shutdown()
	n.server.WaitForShutdown()
}
