package metadata

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/kfmesh/kfmesh/internal/app"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/services/metadata/internal/api"
	"github.com/kfmesh/kfmesh/services/metadata/internal/emit"
	"github.com/kfmesh/kfmesh/services/metadata/internal/feed"
	"github.com/kfmesh/kfmesh/services/metadata/internal/graph"
	"github.com/kfmesh/kfmesh/services/metadata/internal/mirror"
	"github.com/kfmesh/kfmesh/services/metadata/internal/sqlstore"
)

// How long to wait between attempts to reach a database server.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// New makes the service. Its state is in SQL; of deps it uses the log, and the bus
// and the mesh to hear and ask of what happens elsewhere.
func New(cfg Config, deps app.Deps) (app.Module, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &module{cfg: cfg, log: deps.Log, deps: deps, database: newOpening()}, nil
}

// module is the metadata service.
type module struct {
	cfg      Config
	log      *slog.Logger
	deps     app.Deps
	database *opening
}

// Name implements app.Module.
func (m *module) Name() string { return "metadata" }

// Register implements app.Module.
func (m *module) Register(server grpc.ServiceRegistrar) {
	followers := []graph.Follower{mirror.Mirror{}}
	if m.cfg.Lineage.OpenLineageURL != "" {
		followers = append(followers, emit.Outbox{})
	}
	api.Register(server, m.database.wait, followers...)
}

// Run implements app.Module: it opens the database and closes it at the end,
// after the transactions that are under way.
func (m *module) Run(ctx context.Context) error {
	db, err := m.open(ctx)
	m.database.finish(db, err)
	switch {
	case ctx.Err() != nil && db == nil: // the end came first, and why the database was not open by then does not matter
		return nil
	case err != nil:
		return err
	}
	m.log.InfoContext(ctx, "metadata database is open", "engine", db.Dialect().String())
	m.work(ctx, db)
	return db.Close()
}

// work does what goes on beside the calls, until ctx ends.
func (m *module) work(ctx context.Context, db *sqlstore.DB) {
	var group sync.WaitGroup
	if m.deps.Bus != nil && m.deps.Mesh != nil {
		group.Go(func() { feed.New(db, m.deps.Bus, m.deps.Mesh, m.log).Run(ctx) })
	}
	if receiver := m.cfg.Lineage.OpenLineageURL; receiver != "" {
		group.Go(func() { emit.New(db, receiver, m.log).Run(ctx) })
	}
	group.Wait()
	<-ctx.Done()
}

// Ready implements app.Module: migrations are done and the database answers.
func (m *module) Ready(ctx context.Context) error {
	db, err := m.database.now()
	if err != nil {
		return err
	}
	return db.Ping(ctx)
}

// open waits for a server that is not up yet; anything else that is wrong ends it.
func (m *module) open(ctx context.Context) (*sqlstore.DB, error) {
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		db, err := sqlstore.Open(ctx, string(m.cfg.DatabaseURL))
		if err == nil || !mayPass(err) {
			return db, err
		}
		m.database.delay(err)
		m.log.WarnContext(ctx, "metadata database cannot be opened yet", "error", err, "cause", errors.Unwrap(err), "retry_in", pause)
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, fault.Unavailablef("the metadata service is shutting down")
		}
	}
}

// mayPass reports whether it is worth waiting. A locked SQLite file is not:
// the lock was waited for already, and whoever holds it means to keep it.
func mayPass(err error) bool {
	problem, ok := errors.AsType[*fault.Error](err)
	return ok && problem.Kind == fault.Unavailable && problem.Reason != sqlstore.Locked
}
