package training

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/event"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/lease"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/api"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/collect"
	"github.com/kfmesh/kfmesh/services/training/internal/engine"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// serviceName is the service's name, and that of its election.
const serviceName = "training"

// New makes the service.
func New(cfg Config, deps app.Deps) (app.Module, error) {
	return NewWithin(cfg, deps, func(context.Context) string { return "" })
}

// NewWithin makes the service in a process with a gateway, where gateway returns the URL
// at which jobs reach that, once it is known.
func NewWithin(cfg Config, deps app.Deps, gateway func(context.Context) string) (app.Module, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	m := &module{cfg: cfg, deps: deps, state: state.New(deps.Store), synced: make(chan struct{})}
	m.jobs = store.NewCache(m.state.Jobs, state.Indexes(), func(updates []store.Update[*trainingv1.TrainingJob]) {
		m.engine.Observe(updates)
	}).Without(engine.Rests)
	m.archive = archive.New(metadatav1.NewArchiveServiceClient(deps.Mesh.Conn("metadata")))
	m.collector = &collect.Collector{State: m.state, Retention: collect.Retention{Jobs: cfg.RetainJobs, Count: cfg.RetainJobsCount}}
	m.engine = engine.New(engine.Deps{
		Tracking: metadatav1.NewTrackingServiceClient(deps.Mesh.Conn("metadata")),
		Archive:  m.archive, ArchiveAfter: cfg.ArchiveJobsAfter,
		State: m.state, Jobs: m.jobs, Workloads: gpuagentv1.NewWorkloadServiceClient(deps.Mesh.Conn("gpuagent")),
		Volumes: gpuagentv1.NewVolumeServiceClient(deps.Mesh.Conn("gpuagent")), Nodes: gpuagentv1.NewNodeServiceClient(deps.Mesh.Conn("gpuagent")), Log: deps.Log,
		Gateway: func(ctx context.Context) string {
			if cfg.TrainingURI != "" {
				return cfg.TrainingURI
			}
			return gateway(ctx)
		},
	})
	return m, nil
}

// module is the training service.
type module struct {
	cfg    Config
	deps   app.Deps
	state  *state.State
	jobs   *store.Cache[*trainingv1.TrainingJob]
	engine *engine.Engine

	archive   *archive.Archive
	collector *collect.Collector

	synced chan struct{} // closed once the jobs are known
}

// Name implements app.Module.
func (m *module) Name() string { return serviceName }

// Register implements app.Module.
func (m *module) Register(server grpc.ServiceRegistrar) {
	api.Register(server, m.state, m.archive)
	api.RegisterHousekeeping(server, m.collector)
}

// Run implements app.Module: it follows the jobs, and drives them while this replica
// leads.
func (m *module) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return untilEnd(ctx, m.jobs.Run) })
	group.Go(func() error {
		if m.jobs.WaitSynced(ctx) == nil {
			close(m.synced)
		}
		return nil
	})
	group.Go(func() error {
		election := lease.Election{
			Backend: m.deps.Store, Name: serviceName, Holder: holder(), TTL: m.cfg.TrainingLeaseTTL, Log: m.deps.Log,
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
	group.Go(func() error {
		return untilEnd(ctx, func(ctx context.Context) error {
			relay := event.Relay{Backend: m.deps.Store, Prefix: m.state.Jobs.Prefix(), Decode: jobEvent, Bus: m.deps.Bus, Log: m.deps.Log}
			return relay.Run(ctx)
		})
	})
	if m.collector.Retention.Any() {
		group.Go(func() error {
			m.collect(ctx)
			return nil
		})
	}
	return group.Wait()
}

// collectInterval is the time between two rounds of housekeeping.
const collectInterval = time.Hour

// collect removes the jobs that retention no longer keeps, at once and every hour.
func (m *module) collect(ctx context.Context) {
	tick := time.NewTicker(collectInterval)
	defer tick.Stop()
	for {
		gone := 0
		err := m.collector.Collect(ctx, false, func(*metav1.Garbage) error {
			gone++
			return nil
		})
		if err != nil && ctx.Err() == nil {
			m.deps.Log.WarnContext(ctx, "jobs that are no longer kept could not be removed", "error", err)
		}
		if gone > 0 {
			m.deps.Log.InfoContext(ctx, "jobs that are no longer kept were removed", "jobs", gone)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Ready implements app.Module.
func (m *module) Ready(context.Context) error {
	select {
	case <-m.synced:
		return nil
	default:
		return fault.Unavailablef("the training jobs are being read from the store")
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
