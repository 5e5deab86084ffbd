// Package head wires what a node is that others may join: its agent, and the mesh's
// door by which the others come in. It is the same in both shapes of kfmesh.
package head

import (
	"context"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// Head is the agent of a head and its door, as one module.
type Head struct {
	agent gpuagent.Head
	door  *door.Door
}

var _ app.Module = (*Head)(nil)

// Config is what can be set about a head.
type Config struct {
	Agent gpuagent.Config `koanf:",squash"`
	Door  door.Config     `koanf:",squash"`
}

// Validate says what is wrong with the configuration.
func (c Config) Validate() error {
	if err := c.Agent.Validate(); err != nil {
		return err
	}
	return c.Door.Validate()
}

// DefaultConfig is a head that nobody can join.
func DefaultConfig() Config { return Config{Agent: gpuagent.DefaultConfig()} }

// NewAlone makes the head of a process of its own, which keeps the mesh's authority in
// the agent's directory.
func NewAlone(cfg Config, deps app.Deps) (*Head, error) {
	return New(cfg, filepath.Join(cfg.Agent.AgentDir, "authority"), deps)
}

// New makes a head, whose mesh has its authority in a directory. The store must be
// one that leases can be held in for others.
func New(cfg Config, authority string, deps app.Deps) (*Head, error) {
	live, ok := deps.Store.(store.Lessor)
	if !ok {
		return nil, fault.Internalf(nil, "the store of a head holds no leases for others")
	}
	entrance, err := door.New(door.Options{
		Config: cfg.Door, Dir: authority, Store: live, Blob: deps.Blob, Log: deps.Log, Keys: keysOf,
		Alive: func(ctx context.Context, node string) (bool, error) { return alive(ctx, live, node) },
	})
	if err != nil {
		return nil, err
	}
	agent, err := gpuagent.NewHead(cfg.Agent, deps, agentsBehind(entrance))
	if err != nil {
		return nil, err
	}
	entrance.Offer(agent.RegisterNodes)
	return &Head{agent: agent, door: entrance}, nil
}

// keysOf are those of the store that the agent of a node may touch: the agents' own part.
func keysOf(node string) door.Keys {
	read, write := gpuagent.KeysOf(node)
	return door.Keys{Read: read, Write: write}
}

// alive reports whether a node of a name is at work.
func alive(ctx context.Context, live store.Backend, node string) (bool, error) {
	_, err := live.Get(ctx, gpuagent.NodeKey(node))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return err == nil, err
}

// agentsBehind reaches the agents that come in by a door; nil when it lets nobody in.
func agentsBehind(d *door.Door) gpuagent.Agents {
	if agents := d.Agents(); agents != nil {
		return agents
	}
	return nil
}

// DoorAddress is where the door listens; empty when it does not.
func (h *Head) DoorAddress() string { return h.door.Address() }

// Name implements app.Module.
func (h *Head) Name() string { return h.agent.Name() }

// Register implements app.Module.
func (h *Head) Register(server grpc.ServiceRegistrar) {
	h.door.Register(server)
	h.agent.Register(server)
}

// Run implements app.Module.
func (h *Head) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return h.door.Run(ctx) })
	group.Go(func() error { return h.agent.Run(ctx) })
	return group.Wait()
}

// Ready implements app.Module.
func (h *Head) Ready(ctx context.Context) error {
	if err := h.door.Ready(ctx); err != nil {
		return err
	}
	return h.agent.Ready(ctx)
}
