package up

import (
	"net/http"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
	"github.com/kfmesh/kfmesh/services/gateway"
	"github.com/kfmesh/kfmesh/services/gpuagent"
	"github.com/kfmesh/kfmesh/services/metadata"
	"github.com/kfmesh/kfmesh/services/pipeline"
)

// services is every service of kfmesh, in the order in which they start: each
// calls only those before it.
type services struct {
	modules []app.Module
	gateway *gateway.Gateway
}

func newServices(cfg Config, databaseURL string, deps app.Deps, metrics http.Handler) (*services, error) {
	archive, err := metadata.New(metadata.Config{DatabaseURL: config.Secret(databaseURL)}, deps)
	if err != nil {
		return nil, err
	}
	agent, err := gpuagent.New(cfg.Agent, deps)
	if err != nil {
		return nil, err
	}
	pipelines, err := pipeline.New(cfg.Pipeline, deps)
	if err != nil {
		return nil, err
	}
	edge, err := gateway.New(cfg.Gateway, deps, metrics)
	if err != nil {
		return nil, err
	}
	return &services{modules: []app.Module{archive, agent, pipelines, edge}, gateway: edge}, nil
}
