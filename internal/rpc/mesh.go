package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// pipeBytes is the buffer of an in-memory connection, either way.
const pipeBytes = 256 << 10

// InMemory is the mesh of one process: one server for all services, reached
// through memory.
type InMemory struct {
	server   *grpc.Server
	listener *bufconn.Listener
	conn     *grpc.ClientConn
}

// NewInMemory returns a mesh whose every service is on server. Calls wait until
// Serve runs, which must be after all services are registered.
func NewInMemory(server *grpc.Server) (*InMemory, error) {
	listener := bufconn.Listen(pipeBytes)
	dial := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return listener.DialContext(ctx)
	})
	conn, err := grpc.NewClient("passthrough:///in-memory", append(ClientOptions(), dial)...)
	if err != nil {
		return nil, fmt.Errorf("dial in memory: %w", err)
	}
	return &InMemory{server: server, listener: listener, conn: conn}, nil
}

// Serve serves until the server is stopped.
func (m *InMemory) Serve() error { return m.server.Serve(m.listener) }

// Conn implements Mesh.
func (m *InMemory) Conn(string) grpc.ClientConnInterface { return m.conn }

// Close ends the connection; the server is its owner's to stop.
func (m *InMemory) Close() error { return errors.Join(m.conn.Close(), m.listener.Close()) }

// Dialed is the mesh of services that run each on its own.
type Dialed struct{ conns map[string]*grpc.ClientConn }

// NewDialed returns a mesh of services at addresses, by name. It connects when
// a service is first called.
func NewDialed(addresses map[string]string, extra ...grpc.DialOption) (*Dialed, error) {
	d := &Dialed{conns: make(map[string]*grpc.ClientConn, len(addresses))}
	for service, address := range addresses {
		conn, err := grpc.NewClient(address, append(ClientOptions(), extra...)...)
		if err != nil {
			return nil, errors.Join(fault.Invalidf(service, "%q is not an address: want host:port", address).WithCause(err), d.Close())
		}
		d.conns[service] = conn
	}
	return d, nil
}

// Conn implements Mesh. Calls to a service without an address fail.
func (d *Dialed) Conn(service string) grpc.ClientConnInterface {
	if conn, ok := d.conns[service]; ok {
		return conn
	}
	return nowhere(service)
}

// Close ends all connections.
func (d *Dialed) Close() error {
	var errs []error
	for _, conn := range d.conns {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// nowhere is the connection to a service nobody gave an address of.
type nowhere string

func (n nowhere) Invoke(context.Context, string, any, any, ...grpc.CallOption) error {
	return n.fault()
}

func (n nowhere) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, n.fault()
}

func (n nowhere) fault() error {
	return fault.Unavailablef("no address is configured for the service %q", string(n)).WithReason("SERVICE_UNKNOWN")
}
