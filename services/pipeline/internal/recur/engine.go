package recur

import (
	"context"
	"log/slog"
	"time"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

const (
	// firstWait is the pause after a failure; it doubles up to lastWait.
	firstWait = 100 * time.Millisecond
	lastWait  = time.Minute
	// longestSleep is how late a change of the system's clock is noticed.
	longestSleep = 30 * time.Second
)

// Order is a run to be made.
type Order struct {
	Of    *pipelinev1.RecurringRunState
	RunID string
	Time  time.Time // of the schedule
	Index int64     // from 1
}

// Maker makes runs.
type Maker interface {
	// MakeRun checks the run of an order and stores it in one commit with the ops:
	// all of it or nothing. It does not try again what fails with fault.Conflict.
	MakeRun(ctx context.Context, order Order, with ...store.Op) error
}

// Deps are what the engine works with.
type Deps struct {
	State     *state.State
	Recurring *store.Cache[*pipelinev1.RecurringRunState] // must call Engine.Observe
	Maker     Maker
	Log       *slog.Logger
}

// Engine makes the runs of all recurring runs. Of several replicas only the
// leader's may run.
type Engine struct {
	deps     Deps
	changed  *changed
	failures map[string]int // in a row, by recurring run; of Run's goroutine
}

// New returns an engine that does nothing until Run.
func New(deps Deps) *Engine {
	return &Engine{deps: deps, changed: newChanged(), failures: map[string]int{}}
}

// Observe takes in changes of recurring runs. It is the observer of their cache.
func (e *Engine) Observe(updates []store.Update[*pipelinev1.RecurringRunState]) {
	for _, u := range updates {
		e.changed.put(u.Item.Key)
	}
}

// ObserveRuns takes in changes of runs: the end of one makes room for the next.
func (e *Engine) ObserveRuns(updates []store.Update[*pipelinev1.RunState]) {
	for _, u := range updates {
		run := u.Item.Value.GetRun()
		if run.GetRecurringRunId() != "" && (u.Deleted || state.Terminal(run.GetState())) {
			e.changed.put(run.GetRecurringRunId())
		}
	}
}

// Run makes runs until ctx ends, and then returns nil. Every commit carries the
// guard, such as the fence of a leader, and fails when it does not hold.
func (e *Engine) Run(ctx context.Context, guard ...store.Op) error {
	if err := e.deps.Recurring.WaitSynced(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	clear(e.failures)
	plan := agenda{}
	for _, item := range e.deps.Recurring.List("") {
		plan.put(item.Key, time.Now())
	}
	for ctx.Err() == nil {
		for _, id := range plan.take(time.Now()) {
			if again := e.look(ctx, id, guard); !again.IsZero() {
				plan.put(id, again)
			}
		}
		timer := time.NewTimer(plan.wait(time.Now(), longestSleep))
		select {
		case <-timer.C:
		case <-e.changed.ready:
			for _, id := range e.changed.take() {
				plan.put(id, time.Now())
			}
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}
