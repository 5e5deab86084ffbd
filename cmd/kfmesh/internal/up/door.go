package up

import (
	"context"
	"path/filepath"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gpuagent"
)

// agentsBehind reaches the agents that come in by a door; nil when it lets nobody in.
func agentsBehind(d *door.Door) gpuagent.Agents {
	if agents := d.Agents(); agents != nil {
		return agents
	}
	return nil
}

// newDoor makes the door by which agents of other machines come in. What they may
// touch of the store is the agents' own part of it.
func newDoor(cfg Config, live store.Lessor, deps app.Deps) (*door.Door, error) {
	return door.New(door.Options{
		Config: cfg.Door, Dir: filepath.Join(cfg.DataDir, "mesh"),
		Store: live, Blob: deps.Blob, Log: deps.Log,
		Keys: func(node string) door.Keys {
			read, write := gpuagent.KeysOf(node)
			return door.Keys{Read: read, Write: write}
		},
		Alive: func(ctx context.Context, node string) (bool, error) {
			_, err := live.Get(ctx, gpuagent.NodeKey(node))
			if fault.Is(err, fault.NotFound) {
				return false, nil
			}
			return err == nil, err
		},
	})
}
