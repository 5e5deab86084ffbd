package gpuagent

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/api"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/collect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime/process"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
)

// serviceName is the service's name.
const serviceName = "gpuagent"

// collectEvery is the time between two rounds of housekeeping.
const collectEvery = time.Hour

// module is the agent of one node.
type module struct {
	deps      app.Deps
	engine    *engine.Engine
	collector *collect.Collector
}

// New makes the agent.
func New(cfg Config, deps app.Deps) (app.Module, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	images, err := image.Load(cfg.ImageMap)
	if err != nil {
		return nil, err
	}
	supervisor, err := supervisorCommand(cfg.Supervisor)
	if err != nil {
		return nil, err
	}
	host, uv := os.Environ(), detect.Program(cfg.UV, "uv")
	pythons := pyenv.NewFinder(cfg.Python, host)
	envs := pyenv.NewCache(filepath.Join(cfg.AgentDir, "envs"), uv, host)
	processes := process.New(process.Options{
		Supervisor: supervisor,
		Env:        pyenv.InstallerEnv(environ.Inherit(host, cfg.PassEnv)),
		Images:     images,
		Pythons:    pythons,
		Envs:       envs,
		Log:        deps.Log,
	})
	m := &module{deps: deps, engine: engine.New(engine.Options{
		Node:      cfg.NodeName,
		Version:   deps.Version,
		DataDir:   cfg.AgentDir,
		MaxActive: cfg.MaxActive,
		UV:        uv,
		State:     state.New(deps.Store),
		Objects:   deps.Blob,
		Runtimes:  cfg.runtimes(processes, deps, host),
		Pythons:   pythons,
		GPUs:      detect.Nvidia{},
		Log:       deps.Log,
	})}
	m.collector = collect.New(collect.Deps{Node: m.engine, Envs: envs, Bucket: deps.Blob, Retention: cfg.retention()})
	return m, nil
}

// supervisorCommand finds the supervisor. Without one the agent's own program is
// started again to be it, which every binary that holds an agent can.
func supervisorCommand(configured string) ([]string, error) {
	if path := detect.Program(configured, "kfmesh-supervisor"); path != "" {
		return []string{path}, nil
	}
	own, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return []string{own, "supervise"}, nil
}

// Name implements app.Module.
func (m *module) Name() string { return serviceName }

// Register implements app.Module.
func (m *module) Register(server grpc.ServiceRegistrar) {
	api.Register(server, m.engine)
	api.RegisterHousekeeping(server, m.collector)
}

// Run implements app.Module.
func (m *module) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.engine.Run(ctx) })
	group.Go(func() error {
		m.collector.Keep(ctx, collectEvery, func(err error) {
			m.deps.Log.WarnContext(ctx, "housekeeping was cut short", "error", err)
		})
		return nil
	})
	group.Go(func() error {
		relay := event.Relay{
			Backend: m.deps.Store, Prefix: m.engine.State.Workloads.Prefix(), Decode: workloadEvent, Bus: m.deps.Bus, Log: m.deps.Log,
		}
		err := relay.Run(ctx)
		if ctx.Err() == nil {
			return err
		}
		return nil
	})
	return group.Wait()
}

// Ready implements app.Module.
func (m *module) Ready(context.Context) error { return m.engine.Ready() }
