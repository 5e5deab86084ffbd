package up

import (
	"context"
	"net"
	"path/filepath"

	"github.com/kfmesh/kfmesh/cmd/internal/head"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/services/gateway"
	"github.com/kfmesh/kfmesh/services/metadata"
	"github.com/kfmesh/kfmesh/services/pipeline"
	"github.com/kfmesh/kfmesh/services/training"
)

// services is every service of kfmesh.
type services struct {
	modules []app.Module // each calls only those before it
	gateway *gateway.Gateway
	head    *head.Head
}

func newServices(cfg Config, databaseURL config.Secret, deps app.Deps) (*services, error) {
	archive, err := metadata.New(metadata.Config{DatabaseURL: databaseURL, Lineage: cfg.Lineage}, deps)
	if err != nil {
		return nil, err
	}
	agent, err := head.New(head.Config{Agent: cfg.Agent, Door: cfg.Door}, filepath.Join(cfg.DataDir, "mesh"), deps)
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
	return &services{modules: []app.Module{archive, agent, pipelines, jobs, edge}, gateway: edge, head: agent}, nil
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
