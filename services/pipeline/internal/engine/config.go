package engine

import (
	"context"
	"log/slog"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/blob"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/expr"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/meter"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// Config are the engine's limits.
type Config struct {
	MaxRuns        int           // runs worked on at once; further ones stay PENDING
	MaxIterations  int           // of one loop
	MaxCalls       int           // calls to other services at once, a run
	SaveDelay      time.Duration // longest time a task waits to be saved, and recorded, with others
	MaxDigestBytes int64         // largest artifact whose content is digested
	KeptWorkloads  int           // of a live run, of those whose success is saved; the older ones are deleted
	CacheTTL       time.Duration // how long what a task made may be reused; 0 means for ever
}

// DefaultConfig returns the limits for a machine of any size.
func DefaultConfig() Config {
	return Config{
		MaxRuns:        500,
		MaxIterations:  100_000,
		MaxCalls:       16,
		SaveDelay:      50 * time.Millisecond,
		MaxDigestBytes: 64 << 20,
		KeptWorkloads:  100,
	}
}

// Deps are what the engine works with.
type Deps struct {
	State     *state.State
	Runs      *store.Cache[*pipelinev1.RunState] // must call Engine.Observe
	Bucket    *blob.Bucket
	Workloads gpuagentv1.WorkloadServiceClient
	Volumes   gpuagentv1.VolumeServiceClient
	Metadata  metadatav1.MetadataServiceClient
	Archive   metadatav1.ArchiveServiceClient
	// Conditions keeps compiled conditions; it may be shared.
	Conditions *expr.Conditions
	// Condemned is called when artifacts of a run are to be removed: there is a
	// condemned run in the store. It must not block.
	Condemned func()
	// Tracking returns the URL at which steps reach experiment tracking, or "" for
	// none. It may wait for that to be known.
	Tracking func(context.Context) string
	Meter    *meter.Meter
	Log      *slog.Logger
}
