package gpuagent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	doorv1 "github.com/kfmesh/kfmesh/gen/kfmesh/door/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/api"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/collect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/configmap"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/detect"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/engine"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/environ"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/gauge"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/image"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/priority"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/pyenv"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/queue"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/runtime/process"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/secret"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/state"
	"github.com/kfmesh/kfmesh/services/gpuagent/internal/volume"
)

// serviceName is the service's name.
const serviceName = "gpuagent"

// collectEvery is the time between two rounds of housekeeping.
const collectEvery = time.Hour

// module is the agent of one node.
type module struct {
	deps      app.Deps
	keys      *secret.Keyring
	joined    bool
	engine    *engine.Engine
	collector *collect.Collector
}

// Agents reaches the agents of nodes that have joined.
type Agents = engine.Agents

// New makes the agent of a node that is alone.
func New(cfg Config, deps app.Deps) (app.Module, error) {
	return newModule(cfg, deps, engine.Options{})
}

// Head is the agent of a node that others may join.
type Head interface {
	app.Module
	// RegisterNodes adds what it serves to the agents of nodes that have joined, of
	// which caller tells the one that calls.
	RegisterNodes(server grpc.ServiceRegistrar, caller func(context.Context) (node string, err error))
}

// NewHead makes the agent of a node that others may join: it places workloads on all.
func NewHead(cfg Config, deps app.Deps, agents Agents) (Head, error) {
	return newModule(cfg, deps, engine.Options{Agents: agents})
}

// Membership is what a node that has joined knows of its place in the mesh.
type Membership struct {
	Address string                   // at which the head calls its agent
	Head    grpc.ClientConnInterface // calls the head
}

// NewJoined makes the agent of a node that has joined others. It runs what their head
// orders. The store and the bucket are the head's.
func NewJoined(cfg Config, deps app.Deps, in Membership) (app.Module, error) {
	return newModule(cfg, deps, engine.Options{Joined: true, Address: in.Address, Head: doorv1.NewRunServiceClient(in.Head)})
}

// newModule makes an agent. Its role says what it is among others.
func newModule(cfg Config, deps app.Deps, role engine.Options) (*module, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	gpus, err := cfg.gpus(deps.Log)
	if err != nil {
		return nil, err
	}
	images, err := image.Load(cfg.ImageMap)
	if err != nil {
		return nil, err
	}
	host, uv := os.Environ(), detect.Program(cfg.UV, "uv")
	pythons := pyenv.NewFinder(cfg.Python, host)
	envs := pyenv.NewCache(filepath.Join(cfg.AgentDir, "envs"), uv, host)
	processes, err := newProcesses(cfg, deps, images, pythons, envs)
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewKeyring(string(cfg.SecretsURL), filepath.Join(cfg.AgentDir, "secrets.key"))
	if err != nil {
		return nil, err
	}
	stored := state.New(deps.Store)
	m := &module{deps: deps, keys: keys, joined: role.Joined, engine: engine.New(engine.Options{
		Joined: role.Joined, Address: role.Address, Agents: role.Agents, Head: role.Head,
		Host:       cfg.host(),
		LeaseTTL:   cfg.NodeLease,
		Node:       cfg.NodeName,
		Version:    deps.Version,
		DataDir:    cfg.AgentDir,
		MaxActive:  cfg.MaxActive,
		UV:         uv,
		RSH:        detect.Program("", "kfmesh-rsh"),
		Labels:     cfg.labels(),
		Taints:     cfg.taints(),
		Policy:     cfg.policy(),
		State:      stored,
		Secrets:    secret.NewVault(stored, keys),
		ConfigMaps: configmap.NewShelf(stored),
		Volumes:    volume.New(stored, cfg.NodeName, filepath.Join(cfg.AgentDir, "volumes")),
		Objects:    deps.Blob,
		Runtimes:   cfg.runtimes(processes, deps, host),
		Pythons:    pythons,
		GPUs:       gpus,
		Log:        deps.Log,
	})}
	m.collector = collect.New(collect.Deps{Node: m.engine, Envs: envs, Bucket: deps.Blob, Retention: cfg.retention()})
	return m, nil
}

// newProcesses is the runtime of processes.
func newProcesses(cfg Config, deps app.Deps, images *image.Map, pythons *pyenv.Finder, envs *pyenv.Cache) (*process.Runtime, error) {
	supervisor, err := supervisorCommand(cfg.Supervisor)
	if err != nil {
		return nil, err
	}
	return process.New(process.Options{
		Supervisor: supervisor,
		Prober:     prober(),
		Env:        pyenv.InstallerEnv(environ.Inherit(os.Environ(), cfg.PassEnv)),
		Shared:     shared(cfg, deps),
		Images:     images,
		Pythons:    pythons,
		Envs:       envs,
		Limits:     cfg.limits(),
		Processes:  cfg.MaxProcesses,
		Log:        deps.Log,
	}), nil
}

// shared are the directories that all replicas need: of environments and, when it is
// one, the object store.
func shared(cfg Config, deps app.Deps) []string {
	dirs := []string{filepath.Join(cfg.AgentDir, "envs")}
	if dir, ok := deps.Blob.Local(); ok {
		dirs = append(dirs, dir)
	}
	return dirs
}

// prober is kfmesh-probe, if it is there.
func prober() []string {
	if path := detect.Program("", "kfmesh-probe"); path != "" {
		return []string{path}
	}
	return nil
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
	if m.joined {
		api.RegisterJoined(server, m.engine)
		return
	}
	api.Register(server, m.engine)
	api.RegisterHousekeeping(server, m.collector)
	api.RegisterPriorityClasses(server, priority.NewShelf(m.engine.State), m.engine)
	api.RegisterQueues(server, queue.NewShelf(m.engine.State), m.engine)
}

// RegisterNodes implements Head.
func (m *module) RegisterNodes(server grpc.ServiceRegistrar, caller func(context.Context) (string, error)) {
	api.RegisterRuns(server, m.engine, caller)
}

// Run implements app.Module.
func (m *module) Run(ctx context.Context) (err error) {
	if !m.joined {
		stop, err := gauge.Register(m.engine.Nodes)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.engine.Run(ctx) })
	group.Go(func() error {
		m.collector.Keep(ctx, collectEvery, func(err error) {
			m.deps.Log.WarnContext(ctx, "housekeeping was cut short", "error", err)
		})
		return nil
	})
	if !m.joined {
		group.Go(func() error { return m.relay(ctx) })
	}
	return errors.Join(group.Wait(), m.keys.Close())
}

// relay announces what becomes of workloads.
func (m *module) relay(ctx context.Context) error {
	relay := event.Relay{
		Backend: m.deps.Store, Prefix: m.engine.State.Workloads.Prefix(), Decode: workloadEvent, Bus: m.deps.Bus, Log: m.deps.Log,
	}
	err := relay.Run(ctx)
	if ctx.Err() == nil {
		return err
	}
	return nil
}

// Ready implements app.Module.
func (m *module) Ready(context.Context) error { return m.engine.Ready() }
