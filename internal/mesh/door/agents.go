package door

import (
	"errors"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/identity"
	"github.com/kfmesh/kfmesh/internal/rpc"
)

// Agents are the head's connections to the agents of nodes that have joined. It is
// safe for concurrent use.
type Agents struct {
	credential *identity.Credential

	mu     sync.Mutex
	conns  map[string]agent // guarded by mu; by node
	closed bool             // guarded by mu
}

// agent is the connection to the agent of a node.
type agent struct {
	address string
	conn    *grpc.ClientConn
}

// NewAgents returns the connections of who has a credential: the head.
func NewAgents(c *identity.Credential) *Agents {
	return &Agents{credential: c, conns: map[string]agent{}}
}

// Agent returns the connection to a node's agent at an address. Calls fail unless
// who answers there proves to be that node. The connection is shared, made when it
// is first used, made again for ever when it is lost, and closed when the node is
// asked for at another address.
func (a *Agents) Agent(node, address string) (grpc.ClientConnInterface, error) {
	if address == "" {
		return nil, fault.Unavailablef("node %s has not said where its agent can be called", node)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, errStopping()
	}
	known, ok := a.conns[node]
	if ok && known.address == address {
		return known.conn, nil
	}
	creds := credentials.NewTLS(a.credential.ClientTLS(identity.Node(node)))
	conn, err := grpc.NewClient("passthrough:///"+address, append(rpc.ClientOptions(), rpc.FarClientOptions(creds)...)...)
	if err != nil {
		return nil, fault.Unavailablef("the agent of node %s cannot be called at %q", node, address).WithCause(err)
	}
	if ok {
		_ = known.conn.Close() // nobody is there any more
	}
	a.conns[node] = agent{address: address, conn: conn}
	return conn, nil
}

func (a *Agents) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	var errs []error
	for _, known := range a.conns {
		errs = append(errs, known.conn.Close())
	}
	_ = errors.Join(errs...) // they end with the process at the latest
}
