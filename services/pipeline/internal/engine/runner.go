package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	metadatav1 "github.com/kfmesh/kfmesh/gen/kfmesh/metadata/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/dag"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/launch"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// runner owns one live run. All fields but inbox belong to the goroutine of run;
// jobs get what they need and post back what they found.
type runner struct {
	engine *Engine
	log    *slog.Logger
	guard  []store.Op
	inbox  *inbox[func(context.Context)]
	jobs   sync.WaitGroup

	item     store.Item[*pipelinev1.RunState] // as last heard of or written
	status   runStatus
	spec     *ir.Spec
	self     launch.Run
	within   *metadatav1.Context // what its executions belong to
	plan     *dag.Plan
	outcome  *dag.Outcome
	canceled bool
	expired  bool // it was canceled because it took too long

	attempts map[dag.Attempt]*attempt
	queue    []*attempt      // to be launched when there is room
	delayed  []*attempt      // retries whose time has not come
	calls    int             // launches under way
	handed   map[string]bool // workloads for which there is something in the folder of what is handed over
	held     bool            // nothing is launched until what is unsaved is saved
	recorder recorder
	saver    saver
	givenUp  bool  // nothing but the status is saved any more
	fatal    error // why the runner gives up
}

func newRunner(e *Engine, item store.Item[*pipelinev1.RunState], guard []store.Op) *runner {
	return &runner{
		engine:   e,
		log:      e.deps.Log.With("run", item.Key),
		guard:    guard,
		inbox:    newInbox[func(context.Context)](),
		item:     item,
		attempts: map[dag.Attempt]*attempt{},
		handed:   map[string]bool{},
		recorder: recorder{waiting: newOrder()},
		saver:    saver{dirty: newOrder(), spent: newOrder(), gone: map[string]bool{}},
	}
}

// post hands the runner something to do. It never blocks.
func (r *runner) post(do func(context.Context)) { r.inbox.put(do) }

// do runs a job beside the runner, which then runs what the job returns.
func (r *runner) do(ctx context.Context, job func(context.Context) func(context.Context)) {
	r.jobs.Go(func() {
		if then := job(ctx); then != nil {
			r.post(then)
		}
	})
}

// run drives the run until it has left the store, and reports whether it came to
// that before ctx ended. A runner that fails holds its place for a while, so
// that a new one does not fail at once.
func (r *runner) run(ctx context.Context) bool {
	err := r.drive(ctx)
	if errors.Is(err, errRetried) {
		r.engine.deps.Meter.RunRetried(ctx)
		return false
	}
	if errors.Is(err, errTakenBack) {
		r.log.InfoContext(ctx, "a task runs after all", "error", err)
		return false
	}
	if err != nil && ctx.Err() == nil {
		r.log.ErrorContext(ctx, "the run cannot be driven; trying again", "error", err)
		pause(ctx, lastWait)
	}
	return err == nil
}

func (r *runner) drive(ctx context.Context) error {
	ctx, cancel := context.WithCancel(traced(ctx, r.item.Key))
	defer r.jobs.Wait()
	defer cancel()
	item, err := r.storedRun(ctx) // a cache may still show a run that another leader has archived
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.item, r.status = item, statusOf(item.Value.GetRun())
	if !state.Terminal(r.status.state) {
		if r.item.Value.GetRetries() > 0 {
			if err := r.reclaim(ctx); errors.Is(err, errOutrun) {
				return r.discard(ctx)
			} else if err != nil {
				return err
			}
		}
		if err := r.begin(ctx); err != nil {
			return err
		}
		r.engine.deps.Meter.RunActive(ctx, 1)
		defer r.engine.deps.Meter.RunActive(ctx, -1)
		if err := r.loop(ctx); err != nil {
			return err
		}
		r.measure(ctx)
	}
	r.plan, r.queue, r.saver, r.recorder = nil, nil, saver{}, recorder{} // of a large run they are large, and of no more use
	return r.retire(ctx)
}

// begin reads what there is of the run and starts the plan or restores it.
func (r *runner) begin(ctx context.Context) error {
	run := r.item.Value.GetRun()
	var tasks []store.Item[*pipelinev1.Task]
	var parameters map[string]any
	var experiment *metadatav1.Context
	err := persist(ctx, func(ctx context.Context) (err error) {
		if tasks, _, err = r.engine.deps.State.Tasks.List(ctx, run.GetRunId()+"/"); err != nil {
			return err
		}
		if parameters, err = r.parameters(ctx); err != nil {
			return err
		}
		if experiment, err = r.engine.experiment(ctx, run.GetExperimentId()); err != nil {
			return err
		}
		r.spec, err = r.engine.specs.get(ctx, r.item.Value.GetSpecDigest())
		return err
	})
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		r.log.ErrorContext(ctx, "the run cannot start", "error", err)
		r.outcome = &dag.Outcome{State: pipelinev1.RuntimeState_FAILED, Message: "the run cannot start: " + err.Error()}
		return nil
	}
	r.self = r.describe()
	r.within = contextOf(r.item.Value, r.spec.PipelineInfo.Name, experiment, withDefaults(r.spec, parameters))
	r.self.Tracking = r.engine.tracking(ctx, r.within)
	r.plan = dag.New(r.spec, dag.Run{
		ID:           run.GetRunId(),
		ResourceName: r.self.ResourceName(),
		Parameters:   parameters,
		Retries:      int(r.item.Value.GetRetries()),
	}, dag.Options{MaxIterations: r.engine.cfg.MaxIterations, Conditions: r.engine.deps.Conditions, Load: r.load(ctx)})
	saved := make([]*pipelinev1.Task, 0, len(tasks))
	for _, t := range tasks {
		saved = append(saved, t.Value)
	}
	r.saver.stored = byID(saved)
	r.canceled = r.item.Value.GetCancelRequested() || r.item.Value.GetDeleteRequested()
	if wait, some := r.untilDeadline(); some && wait <= 0 {
		r.canceled, r.expired = true, true
	}
	if r.canceled {
		r.enter(pipelinev1.RuntimeState_CANCELING, "")
	} else {
		r.enter(pipelinev1.RuntimeState_RUNNING, "")
	}
	r.apply(ctx, r.plan.Restore(saved, r.canceled, time.Now()))
	r.recordRestored(saved)
	return nil
}

// describe is what the steps of the run know of it.
func (r *runner) describe() launch.Run {
	run := r.item.Value.GetRun()
	self := launch.Run{
		ID:           run.GetRunId(),
		Name:         run.GetDisplayName(),
		PipelineName: r.spec.PipelineInfo.Name,
		Namespace:    r.item.Value.GetNamespace(),
		PipelineRoot: launch.Root(run.GetRuntimeConfig().GetPipelineRoot(), r.spec.DefaultPipelineRoot, r.engine.deps.Bucket.URI(state.Artifacts)),
		Created:      timeOf(run.GetCreatedAt()),
		Scheduled:    timeOf(run.GetScheduledAt()),
	}
	if r.spec.WantsWorkspace() {
		self.Workspace = workspaceOf(self)
	}
	return self
}

// loop works through the inbox until the run is over and everything about it
// is recorded and saved.
func (r *runner) loop(ctx context.Context) error {
	retry := time.NewTimer(time.Hour)
	defer retry.Stop()
	write := time.NewTimer(time.Hour)
	defer write.Stop()
	late := time.NewTimer(time.Hour)
	defer late.Stop()
	for {
		if r.fatal != nil {
			return r.fatal
		}
		if r.conclude(ctx) {
			return nil
		}
		r.pump(ctx)
		if wait, some := r.untilRetry(); some {
			retry.Reset(wait)
		}
		if wait, some := r.untilSave(); some {
			write.Reset(wait)
		} else if wait, some := r.untilRecord(); some {
			write.Reset(wait)
		}
		if wait, some := r.untilDeadline(); some {
			late.Reset(wait)
		}
		select {
		case <-r.inbox.ready:
			for _, do := range r.inbox.take() {
				do(ctx)
			}
		case <-retry.C:
		case <-late.C:
			r.expire(ctx)
		case <-write.C:
			r.save(ctx)
			r.record(ctx)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// conclude brings a run whose plan has ended to its end, one step at a time,
// and reports whether it is there.
func (r *runner) conclude(ctx context.Context) bool {
	if r.outcome == nil || len(r.attempts) > 0 {
		return false
	}
	if !r.recorder.idle() {
		r.record(ctx)
		return false
	}
	r.enter(r.outcome.State, r.outcome.Message)
	if r.saver.idle() {
		return true
	}
	r.save(ctx)
	return false
}

// measure counts the end of the run, and of the tasks whose end was not counted
// when it came.
func (r *runner) measure(ctx context.Context) {
	run := r.item.Value.GetRun()
	r.engine.deps.Meter.RunEnded(ctx, r.status.state, timeOf(r.status.finished).Sub(timeOf(run.GetCreatedAt())))
	if r.plan == nil {
		return // it could not start
	}
	for state, count := range r.plan.Untried() {
		r.engine.deps.Meter.TasksEnded(ctx, state, count)
	}
}

// apply carries out the effects of an event.
func (r *runner) apply(ctx context.Context, e dag.Effects) {
	if r.givenUp {
		return
	}
	for _, id := range e.Changed {
		r.saver.mark(id)
	}
	for _, l := range e.Launch {
		r.enqueue(l)
	}
	for _, l := range e.Stop {
		r.stop(ctx, l)
	}
	if e.Done != nil {
		r.outcome = e.Done
		if r.expired && e.Done.State == pipelinev1.RuntimeState_CANCELED {
			r.outcome = r.late()
		}
	}
}

// updated takes in a change of the stored run.
func (r *runner) updated(ctx context.Context, item store.Item[*pipelinev1.RunState]) {
	if item.Revision > r.item.Revision {
		r.item = item
	}
	asked := item.Value.GetCancelRequested() || item.Value.GetDeleteRequested()
	if !asked || r.canceled || r.givenUp || r.plan == nil || r.outcome != nil {
		return
	}
	r.canceled = true
	r.enter(pipelinev1.RuntimeState_CANCELING, "")
	r.apply(ctx, r.plan.Cancel(time.Now()))
}

// parameters are the values that the run was given.
func (r *runner) parameters(ctx context.Context) (map[string]any, error) {
	given, err := state.LoadParameters(ctx, r.engine.deps.Bucket, r.item.Value)
	if err != nil {
		return nil, err
	}
	parameters := make(map[string]any, len(given))
	for name, value := range given {
		parameters[name] = value.AsInterface()
	}
	return parameters, nil
}

func byID(tasks []*pipelinev1.Task) map[string]*pipelinev1.Task {
	m := make(map[string]*pipelinev1.Task, len(tasks))
	for _, t := range tasks {
		m[t.GetDetail().GetTaskId()] = t
	}
	return m
}
