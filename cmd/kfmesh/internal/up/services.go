package up

import (
	"context"
	"net"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/internal/mesh/door"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/gateway"
	"github.com/kfmesh/kfmesh/services/gpuagent"
	"github.com/kfmesh/kfmesh/services/metadata"
	"github.com/kfmesh/kfmesh/services/pipeline"
	"github.com/kfmesh/kfmesh/services/training"
)

// services is every service of kfmesh.
type services struct {
	modules []app.Module // each calls only those before it
	gateway *gateway.Gateway
	door    *door.Door
}

func newServices(cfg Config, databaseURL config.Secret, live store.Lessor, deps app.Deps) (*services, error) {
	entrance, err := newDoor(cfg, live, deps)
	if err != nil {
		return nil, err
	}
	archive, err := metadata.New(metadata.Config{DatabaseURL: databaseURL, Lineage: cfg.Lineage}, deps)
	if err != nil {
		return nil, err
	}
	agent, err := gpuagent.NewHead(cfg.Agent, deps, agentsBehind(entrance))
	if err != nil {
		return nil, err
	}
	edge, err := gateway.New(cfg.Gateway, deps)
	if err != nil {
		return nil, err
	}
	pipelines, err := pipeline.NewWithin(cfg.Pipeline, deps, func(ctx context.Context) string { return reachable(ctx, edge) })
	if err != nil {
		return nil, err
	}
	jobs, err := training.NewWithin(cfg.Training, deps, func(ctx context.Context) string { return reachable(ctx, edge) })
	if err != nil {
		return nil, err
	}
	return &services{modules: []app.Module{entrance, archive, agent, pipelines, jobs, edge}, gateway: edge, door: entrance}, nil
}

// reachable is the URL at which processes of this host reach the gateway, once it
// listens; "" when ctx ends first.
func reachable(ctx context.Context, edge *gateway.Gateway) string {
	select {
	case <-edge.Listening():
	case <-ctx.Done():
		return ""
	}
	address, _ := edge.Addresses()
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		address = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + address
}
