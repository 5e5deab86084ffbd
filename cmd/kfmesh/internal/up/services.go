package up

import (
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/config"
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
}

func newServices(cfg Config, databaseURL config.Secret, deps app.Deps) (*services, error) {
	archive, err := metadata.New(metadata.Config{DatabaseURL: databaseURL}, deps)
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
	jobs, err := training.New(cfg.Training, deps)
	if err != nil {
		return nil, err
	}
	edge, err := gateway.New(cfg.Gateway, deps)
	if err != nil {
		return nil, err
	}
	return &services{modules: []app.Module{archive, agent, pipelines, jobs, edge}, gateway: edge}, nil
}
