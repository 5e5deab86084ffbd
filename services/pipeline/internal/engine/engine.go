package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	gpuagentv1 "github.com/kfmesh/kfmesh/gen/kfmesh/gpuagent/v1"
	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/store"
)

// Engine drives live runs. Of several replicas only the leader's may run.
type Engine struct {
	cfg       Config
	deps      Deps
	specs     *specs
	workloads *workloads
	changed   *inbox[string] // ids of runs that changed
	lead      Lead           // of the present Run
	names     sync.Map       // display names of experiments, by id

	mu      sync.Mutex
	runners map[string]*runner // guarded by mu; by run id
}

// New returns an engine that does nothing until Run.
func New(cfg Config, deps Deps) *Engine {
	return &Engine{
		cfg:       cfg,
		deps:      deps,
		specs:     newSpecs(deps.Bucket),
		workloads: newWorkloads(),
		changed:   newInbox[string](),
		runners:   map[string]*runner{},
	}
}

// Observe takes in changes of runs. It is the observer of the Runs cache.
func (e *Engine) Observe(updates []store.Update[*pipelinev1.RunState]) {
	for _, u := range updates {
		e.changed.put(u.Item.Key)
	}
}

// Lead is the leadership under which an engine runs.
type Lead struct {
	Guard []store.Op        // part of every commit, which fails when it does not hold
	Fence *gpuagentv1.Fence // part of every submit, likewise; nil for none
}

// Run drives all live runs until ctx ends; it returns nil once all its
// goroutines have.
func (e *Engine) Run(ctx context.Context, lead Lead) error {
	e.lead = lead
	if err := e.deps.Runs.WaitSynced(ctx); err != nil {
		return nil // ctx ended
	}
	e.mu.Lock()
	clear(e.runners) // of an earlier time; they have ended
	e.mu.Unlock()
	var group sync.WaitGroup
	defer group.Wait()
	group.Go(func() { e.watch(ctx) })
	group.Go(func() { e.clean(ctx) })
	group.Go(func() { e.sweepTasks(ctx, lead.Guard) })
	for _, item := range e.deps.Runs.List("") {
		e.changed.put(item.Key)
	}
	d := dispatcher{engine: e, guard: lead.Guard, group: &group, ended: newInbox[ending]()}
	d.run(ctx)
	return nil
}

// dispatcher starts a runner for every live run, oldest change first, up to the limit.
type dispatcher struct {
	engine  *Engine
	guard   []store.Op
	group   *sync.WaitGroup
	ended   *inbox[ending]
	waiting []string
}

// ending is the end of a runner.
type ending struct {
	id       string
	undone   bool  // whether the run is left undone
	revision int64 // of the run as the runner last knew it
}

func (d *dispatcher) run(ctx context.Context) {
	for {
		select {
		case <-d.engine.changed.ready:
			for _, id := range d.engine.changed.take() {
				d.changed(id)
			}
		case <-d.ended.ready:
			for _, end := range d.ended.take() {
				d.done(end)
			}
		case <-ctx.Done():
			return
		}
		d.start(ctx)
	}
}

// done goes on after a runner. A run that was put away may have been retried at
// that moment, of which the runner did not hear any more.
func (d *dispatcher) done(end ending) {
	d.engine.forget(end.id)
	if !end.undone {
		d.engine.workloads.release(end.id, d.engine.workloads.of(end.id)...)
	}
	item, exists := d.engine.deps.Runs.Get(end.id)
	if end.undone || exists && item.Revision > end.revision {
		d.changed(end.id)
	}
}

// changed tells a run's runner of the change, or queues the run for one.
func (d *dispatcher) changed(id string) {
	item, exists := d.engine.deps.Runs.Get(id)
	if !exists {
		return
	}
	if r := d.engine.runner(id); r != nil {
		r.post(func(ctx context.Context) { r.updated(ctx, item) })
		return
	}
	if !slices.Contains(d.waiting, id) {
		d.waiting = append(d.waiting, id)
	}
}

// start starts waiting runs as far as the limit allows.
func (d *dispatcher) start(ctx context.Context) {
	for len(d.waiting) > 0 && d.engine.running() < d.engine.cfg.MaxRuns {
		id := d.waiting[0]
		d.waiting = d.waiting[1:]
		item, exists := d.engine.deps.Runs.Get(id)
		if !exists {
			continue
		}
		r := newRunner(d.engine, item, d.guard)
		d.engine.add(id, r)
		d.group.Go(func() {
			done := r.run(ctx)
			d.ended.put(ending{id: id, undone: !done, revision: r.item.Revision})
		})
	}
}

func (e *Engine) runner(id string) *runner {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.runners[id]
}

func (e *Engine) add(id string, r *runner) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.runners[id] = r
}

func (e *Engine) forget(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.runners, id)
}

func (e *Engine) running() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.runners)
}

// dispatch hands a workload's status to the runner of its run, and reports
// whether there is one.
func (e *Engine) dispatch(w *gpuagentv1.Workload, deleted bool) bool {
	r := e.runner(runOf(w))
	if r != nil {
		r.post(func(ctx context.Context) { r.workloadChanged(ctx, w, deleted) })
	}
	return r != nil
}

// pause waits, and reports whether ctx still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
