package gpuagent_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/boottime"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/rpc/rpctest"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// nodeLease is that of nodes in tests.
const nodeLease = 2 * time.Second

// cluster is a head and nodes that have joined it.
type cluster struct {
	t    testing.TB
	head *node

	mu     sync.Mutex
	agents map[string]rpc.Mesh // guarded by mu; of joined nodes, by name
	desk   gpuagent.Head       // guarded by mu; the head's agent
	desks  map[string]rpc.Mesh // guarded by mu; of the desk, as each node calls it
}

// open has nodes call a head's agent from now on.
func (c *cluster) open(desk gpuagent.Head) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.desk, c.desks = desk, map[string]rpc.Mesh{}
}

// deskOf is how a node calls the head.
func (c *cluster) deskOf(node string) grpc.ClientConnInterface {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.desks[node] == nil {
		c.desks[node] = rpctest.Serve(c.t, func(server grpc.ServiceRegistrar) {
			c.desk.RegisterNodes(server, func(context.Context) (string, error) { return node, nil })
		})
	}
	return c.desks[node].Conn("head")
}

// Invoke implements grpc.ClientConnInterface: a call of the node's to the head.
func (j *joined) Invoke(ctx context.Context, method string, args, reply any, opts ...grpc.CallOption) error {
	if err := j.line.up(); err != nil {
		return err
	}
	return j.joins.deskOf(j.name).Invoke(ctx, method, args, reply, opts...)
}

// NewStream implements grpc.ClientConnInterface.
func (j *joined) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if err := j.line.up(); err != nil {
		return nil, err
	}
	return j.joins.deskOf(j.name).NewStream(ctx, desc, method, opts...)
}

func newCluster(t testing.TB) *cluster {
	c := &cluster{t: t, head: newNode(t), agents: map[string]rpc.Mesh{}}
	c.head.agents = c
	c.head.configure = func(cfg *gpuagent.Config) {
		cfg.NodeHost, cfg.NodeLabels = "127.0.0.1", []string{"on=n1"}
	}
	return c
}

// Agent implements gpuagent.Agents.
func (c *cluster) Agent(node, _ string) (grpc.ClientConnInterface, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mesh, ok := c.agents[node]
	if !ok {
		return nil, fault.Unavailablef("node %s does not answer", node)
	}
	return mesh.Conn("gpuagent"), nil
}

// reach has the head reach a node's agent.
func (c *cluster) reach(node string, mesh rpc.Mesh) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.agents[node] = mesh
}

// joined is the disk of a node that joins, and its line to the head's store.
type joined struct {
	*node
	line *line
}

// node makes a node that can join, as the i-th of the cluster.
func (c *cluster) node(i int) *joined {
	c.t.Helper()
	name := fmt.Sprintf("n%d", i)
	n := newNode(c.t)
	n.blob, n.bus = c.head.blob, c.head.bus
	j := &joined{node: n, line: &line{Backend: c.head.store}}
	n.store, n.joins, n.name, n.head = j.line, c, name, j
	n.configure = func(cfg *gpuagent.Config) {
		cfg.NodeHost, cfg.NodeLabels, cfg.NodeLease = fmt.Sprintf("127.0.0.%d", i), []string{"on=" + name}, nodeLease
	}
	return j
}

// line is a node's connection to the store, which can be cut. A lease that was
// granted over it runs out at the store when it has been cut for its time.
type line struct {
	store.Backend

	mu     sync.Mutex
	down   chan struct{}    // guarded by mu; nil while the line is up, and closed when it comes up again
	downed boottime.Instant // guarded by mu
	cuts   []func()         // guarded by mu; called when it is cut
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down, l.downed = make(chan struct{}), boottime.Now()
	for _, f := range l.cuts {
		f()
	}
	l.cuts = nil
}

func (l *line) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.down)
	l.down = nil
}

func (l *line) up() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		return fault.Unavailablef("the line is cut")
	}
	return nil
}

// onCut has f called when the line is cut.
func (l *line) onCut(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down != nil {
		f()
		return
	}
	l.cuts = append(l.cuts, f)
}

func (l *line) Get(ctx context.Context, key string) (store.Entry, error) {
	if err := l.up(); err != nil {
		return store.Entry{}, err
	}
	return l.Backend.Get(ctx, key)
}

func (l *line) List(ctx context.Context, prefix string) ([]store.Entry, int64, error) {
	if err := l.up(); err != nil {
		return nil, 0, err
	}
	return l.Backend.List(ctx, prefix)
}

func (l *line) Page(ctx context.Context, prefix, after string, limit int) ([]store.Entry, int64, error) {
	if err := l.up(); err != nil {
		return nil, 0, err
	}
	return l.Backend.Page(ctx, prefix, after, limit)
}

func (l *line) Commit(ctx context.Context, ops ...store.Op) (int64, error) {
	if err := l.up(); err != nil {
		return 0, err
	}
	for i, op := range ops {
		if held, ok := op.Lease.(*heldLease); ok {
			ops[i].Lease = held.Lease
		}
	}
	return l.Backend.Commit(ctx, ops...)
}

func (l *line) Watch(ctx context.Context, prefix string, after int64) (<-chan []store.Change, error) {
	if err := l.up(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	l.onCut(cancel)
	return l.Backend.Watch(ctx, prefix, after)
}

// heldLease is a lease over a line. It is not revoked when its holder ends, as that of
// a process that was killed is not.
type heldLease struct {
	store.Lease
	line *line
	ttl  time.Duration
	done chan struct{}
}

func (l *line) Grant(ctx context.Context, ttl time.Duration) (store.Lease, error) {
	if err := l.up(); err != nil {
		return nil, err
	}
	granted, err := l.Backend.Grant(context.WithoutCancel(ctx), ttl)
	if err != nil {
		return nil, err
	}
	held := &heldLease{Lease: granted, line: l, ttl: ttl, done: make(chan struct{})}
	expire := sync.OnceFunc(func() {
		time.AfterFunc(ttl, func() {
			_ = granted.Revoke(context.Background())
			close(held.done)
		})
	})
	l.onCut(expire)
	context.AfterFunc(ctx, expire) // its holder renews it no more
	return held, nil
}

func (h *heldLease) Done() <-chan struct{} { return h.done }

// Held counts from now, or from when the line was cut.
func (h *heldLease) Held() (from, to boottime.Instant) {
	h.line.mu.Lock()
	defer h.line.mu.Unlock()
	from = boottime.Now()
	if h.line.down != nil {
		from = h.line.downed
	}
	return from, from.Add(h.ttl)
}
