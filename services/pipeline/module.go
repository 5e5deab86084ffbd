package pipeline

import (
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/lease"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/api"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/collect"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/engine"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/meter"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/recur"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// serviceName is the service's name, and that of its election.
const serviceName = "pipeline"

// New makes the service.
func New(cfg Config, deps app.Deps) (app.Module, error) {
	return NewWithin(cfg, deps, func(context.Context) string { return "" })
}

// NewWithin makes the service in a process with a gateway, where gateway returns
// the URL at which steps reach it; it may wait for that to be known.
func NewWithin(cfg Config, deps app.Deps, gateway func(context.Context) string) (app.Module, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &module{cfg: cfg, deps: deps, state: state.New(deps.Store), synced: make(chan struct{})}
	m.archive = metadatav1.NewArchiveServiceClient(deps.Mesh.Conn("metadata"))
	m.workloads = gpuagentv1.NewWorkloadServiceClient(deps.Mesh.Conn("gpuagent"))
	m.runs = store.NewCache(m.state.Runs, nil, func(updates []store.Update[*pipelinev1.RunState]) {
		m.engine.Observe(updates)
		m.recur.ObserveRuns(updates)
	})
	m.recurring = store.NewCache(m.state.Recurring, nil, func(updates []store.Update[*pipelinev1.RecurringRunState]) {
		m.recur.Observe(updates)
	})
	measured, err := meter.New(otel.GetMeterProvider())
	if err != nil {
		return nil, err
	}
	metadata := metadatav1.NewMetadataServiceClient(deps.Mesh.Conn("metadata"))
	m.collector = collect.New(collect.Deps{
		State: m.state, Bucket: deps.Blob, Archive: m.archive, Metadata: metadata, Retention: cfg.retention(),
	})
	m.engine = engine.New(cfg.engine(), engine.Deps{
		State:      m.state,
		Runs:       m.runs,
		Bucket:     deps.Blob,
		Workloads:  m.workloads,
		Volumes:    gpuagentv1.NewVolumeServiceClient(deps.Mesh.Conn("gpuagent")),
		Metadata:   metadata,
		Archive:    m.archive,
		Conditions: expr.NewConditions(),
		Condemned:  m.collector.Wake,
		Tracking: func(ctx context.Context) string {
			if cfg.TrackingURI != "" {
				return cfg.TrackingURI
			}
			return gateway(ctx)
		},
		Meter: measured,
		Log:   deps.Log,
	})
	m.recur = recur.New(recur.Deps{State: m.state, Recurring: m.recurring, Maker: api.NewMaker(m.api()), Log: deps.Log})
	return m, nil
}

// module is the pipeline service.
type module struct {
	cfg       Config
	deps      app.Deps
	state     *state.State
	runs      *store.Cache[*pipelinev1.RunState]
	engine    *engine.Engine
	recurring *store.Cache[*pipelinev1.RecurringRunState]
	recur     *recur.Engine
	collector *collect.Collector
	archive   metadatav1.ArchiveServiceClient
	workloads gpuagentv1.WorkloadServiceClient
	synced    chan struct{} // closed once the runs are known
}

// Name implements app.Module.
func (m *module) Name() string { return serviceName }

// Register implements app.Module.
func (m *module) Register(server grpc.ServiceRegistrar) {
	api.Register(server, m.api())
	api.RegisterHousekeeping(server, m.collector)
}

func (m *module) api() api.Deps {
	return api.Deps{State: m.state, Blob: m.deps.Blob, Archive: m.archive, Workloads: m.workloads, CacheTTL: m.cfg.CacheTTL}
}

// Run implements app.Module: it follows the runs, and drives them while this
// replica leads.
func (m *module) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return untilEnd(ctx, m.runs.Run) })
	group.Go(func() error { return untilEnd(ctx, m.recurring.Run) })
	group.Go(func() error {
		if m.runs.WaitSynced(ctx) == nil {
			close(m.synced)
		}
		return nil
	})
	group.Go(func() error {
		election := lease.Election{
			Backend: m.deps.Store, Name: serviceName, Holder: holder(), TTL: m.cfg.PipelineLeaseTTL, Log: m.deps.Log,
		}
		return election.Lead(ctx, m.lead)
	})
	return group.Wait()
}

// lead does what one replica does for all.
func (m *module) lead(ctx context.Context, fence lease.Fence) error {
	group, ctx := errgroup.WithContext(ctx)
	lead := engine.Lead{
		Guard: []store.Op{fence.Op()},
		Fence: &gpuagentv1.Fence{Election: serviceName, Token: fence.Token()},
	}
	group.Go(func() error { return m.engine.Run(ctx, lead) })
	group.Go(func() error { return m.recur.Run(ctx, fence.Op()) })
	group.Go(func() error {
		m.collector.Keep(ctx, m.cfg.CollectInterval, m.deps.Log)
		return nil
	})
	group.Go(func() error {
		return untilEnd(ctx, func(ctx context.Context) error {
			relay := event.Relay{Backend: m.deps.Store, Prefix: m.state.Runs.Prefix(), Decode: runEvent, Bus: m.deps.Bus, Log: m.deps.Log}
			return relay.Run(ctx)
		})
	})
	return group.Wait()
}

// Ready implements app.Module.
func (m *module) Ready(context.Context) error {
	select {
	case <-m.synced:
		return nil
	default:
		return fault.Unavailablef("the runs are being read from the store")
	}
}

// untilEnd runs what ends with ctx's error, which is no failure.
func untilEnd(ctx context.Context, run func(context.Context) error) error {
	if err := run(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

// holder names this replica for people.
func holder() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return fmt.Sprintf("%s (process %d)", host, os.Getpid())
}
