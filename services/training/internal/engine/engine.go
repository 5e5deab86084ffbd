// Package engine drives training jobs: it looks at a job and at the workload of its
// present attempt, has package lifecycle say what follows, stores that, and does it.
//
// It is level-triggered: whatever changes, a job is looked at as a whole, and looking
// once too often does nothing. What it does can be repeated after a crash at any point:
// a status is stored before anything is done that it speaks of, a workload's name follows
// from job and attempt, and a workload is deleted only when the next attempt's is
// known to exist. So no attempt is started twice, and what an earlier leader started is
// taken up. Every commit and every submit carries the leader's fence.
//
// One job is looked at by one worker at a time; different jobs by several.
package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	trainingv1 "github.com/kfmesh/kfmesh/gen/kfmesh/training/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/training/internal/archive"
	"github.com/kfmesh/kfmesh/services/training/internal/lifecycle"
	"github.com/kfmesh/kfmesh/services/training/internal/state"
)

// workers is how many jobs are looked at at a time: they mostly wait for others.
const workers = 16

// The pause after a failure, which doubles from the first to the longest.
const (
	firstPause   = 50 * time.Millisecond
	longestPause = 10 * time.Second
)

// Deps are what the engine works with.
type Deps struct {
	State     *state.State
	Jobs      *store.Cache[*trainingv1.TrainingJob] // with state.Indexes, without what Rests; must call Engine.Observe
	Workloads gpuagentv1.WorkloadServiceClient
	Volumes   gpuagentv1.VolumeServiceClient
	Nodes     gpuagentv1.NodeServiceClient
	Archive   *archive.Archive
	Tracking  metadatav1.TrackingServiceClient // of the runs that jobs are; nil for none
	// ArchiveAfter is the time after its end at which a job is archived; 0 for never.
	ArchiveAfter time.Duration
	// Gateway returns the URL at which jobs reach the gateway; empty when there is none. It
	// may be missing.
	Gateway func(context.Context) string
	Log     *slog.Logger
}

// Lead is the leadership under which an engine runs.
type Lead struct {
	Guard []store.Op        // part of every commit, which fails when it does not hold
	Fence *gpuagentv1.Fence // part of every submit, likewise; nil for none
}

// Engine drives all jobs. Of several replicas only the leader's may run.
type Engine struct {
	deps  Deps
	queue *queue
	board *board
	lead  Lead // of the present Run
}

// New returns an engine that does nothing until Run.
func New(deps Deps) *Engine {
	return &Engine{deps: deps, queue: newQueue(), board: newBoard()}
}

// Rests reports whether there is nothing to be done about a job until somebody changes it:
// it is in the archive, where there may be very many, and stays until it is deleted.
func Rests(job *trainingv1.TrainingJob) bool {
	_, expires := lifecycle.ExpiresAt(job)
	return job.GetArchived() && !expires
}

// Observe takes in changes of jobs. It is the observer of the Jobs cache.
func (e *Engine) Observe(updates []store.Update[*trainingv1.TrainingJob]) {
	for _, u := range updates {
		e.queue.put(u.Item.Value.GetMetadata().GetUid())
	}
}

// Run drives all jobs until ctx ends; it returns nil once all its goroutines have.
func (e *Engine) Run(ctx context.Context, lead Lead) error {
	e.lead = lead
	e.board = newBoard()
	if err := e.deps.Jobs.WaitSynced(ctx); err != nil {
		return nil // ctx ended
	}
	var watches sync.WaitGroup
	defer watches.Wait()
	watches.Go(func() { e.watch(ctx) })
	watches.Go(func() { e.recall(ctx) })
	select {
	case <-e.board.synced: // before that it is not known which attempts run
	case <-ctx.Done():
		return nil
	}
	for _, item := range e.deps.Jobs.List("") {
		e.queue.put(item.Value.GetMetadata().GetUid())
	}
	e.queue.work(ctx, workers, e.look)
	return nil
}
