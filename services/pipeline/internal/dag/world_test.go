package dag

import (
	"reflect"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/ir"
)

const runID = "7e3b5a52-3d53-4b57-9d7c-0a8a4d3c2f10"

var terminal = []pipelinev1.RuntimeState{
	pipelinev1.RuntimeState_SUCCEEDED, pipelinev1.RuntimeState_FAILED,
	pipelinev1.RuntimeState_SKIPPED, pipelinev1.RuntimeState_CANCELED,
}

// world is what lies outside a plan: attempts that run, and records that were
// saved. It survives the plan, as the workloads and the store survive a crash.
type world struct {
	spec       *ir.Spec
	parameters map[string]any
	options    Options
	retries    int                 // of the run so far
	answer     func(Launch) Result // how an attempt ends

	plan     *Plan
	clock    time.Time
	saved    map[string]*pipelinev1.Task
	dirty    []string
	launched map[Attempt]Launch
	order    []Launch // of first launches
	pending  []Launch // attempts whose end was not told to the present plan
	stopped  map[Attempt]bool
	ended    map[Attempt]bool
	done     *Outcome
}

// tester is what rapid.T and testing.T share.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newWorld(spec *ir.Spec, parameters map[string]any, answer func(Launch) Result) *world {
	return &world{
		spec: spec, parameters: parameters, answer: answer,
		clock:    time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		saved:    map[string]*pipelinev1.Task{},
		launched: map[Attempt]Launch{},
		stopped:  map[Attempt]bool{},
		ended:    map[Attempt]bool{},
	}
}

func (w *world) newPlan() *Plan {
	return New(w.spec, Run{ID: runID, ResourceName: "test-" + runID, Parameters: w.parameters, Retries: w.retries}, w.options)
}

func (w *world) tick() time.Time {
	w.clock = w.clock.Add(time.Second)
	return w.clock
}

func (w *world) start(t tester) {
	w.plan = w.newPlan()
	w.absorb(t, w.plan.Start(w.tick()))
}

// absorb carries out effects.
func (w *world) absorb(t tester, e Effects) {
	t.Helper()
	for _, id := range e.Changed {
		w.dirty = append(slices.DeleteFunc(w.dirty, func(d string) bool { return d == id }), id)
	}
	for _, l := range e.Launch {
		first, again := w.launched[l.Attempt]
		switch {
		case !again:
			w.checkLaunch(t, l)
			w.launched[l.Attempt] = l
			w.order = append(w.order, l)
		case !reflect.DeepEqual(first.Inputs, l.Inputs):
			t.Fatalf("%s attempt %d adopted with inputs %v; it was launched with %v", l.Path, l.Number, l.Inputs, first.Inputs)
		}
		w.pending = append(w.pending, l)
	}
	for _, l := range e.Stop {
		w.stopped[l.Attempt] = true
		if !slices.ContainsFunc(w.pending, func(p Launch) bool { return p.Attempt == l.Attempt }) {
			w.pending = append(w.pending, l)
		}
	}
	if e.Done != nil {
		if w.done != nil {
			t.Fatalf("the run ended twice")
		}
		w.done = e.Done
	}
	w.checkLimits(t)
}

func (w *world) checkLaunch(t tester, l Launch) {
	t.Helper()
	if l.Number == 1 {
		return
	}
	before, ok := w.launched[Attempt{TaskID: l.TaskID, Number: l.Number - 1}]
	if !ok || w.retries == 0 && w.answer(before).Verdict == Succeeded {
		t.Fatalf("%s attempt %d launched though the attempt before did not fail", l.Path, l.Number)
	}
}

// checkLimits checks that no loop has more open iterations than allowed.
func (w *world) checkLimits(t tester) {
	t.Helper()
	for _, n := range w.plan.nodes {
		if n.loop == nil || n.loop.limit == 0 {
			continue
		}
		active := 0
		for _, c := range n.children {
			if c != nil && c.phase != settled {
				active++
			}
		}
		if active > n.loop.limit {
			t.Fatalf("%s has %d open iterations, limit %d", n.path, active, n.loop.limit)
		}
	}
}

// finish tells the plan the end of the i-th pending attempt.
func (w *world) finish(t tester, i int) {
	t.Helper()
	l := w.pending[i]
	w.pending = slices.Delete(w.pending, i, i+1)
	w.ended[l.Attempt] = true
	result := w.answer(l)
	if w.stopped[l.Attempt] {
		result = Result{Verdict: Stopped, Message: "stopped"}
	}
	w.absorb(t, w.plan.Finished(l.Attempt, result, w.tick()))
}

// save writes the first count changed records, as a commit does.
func (w *world) save(count int) {
	for _, id := range w.dirty[:count] {
		w.saved[id] = proto.CloneOf(w.plan.Task(id))
	}
	w.dirty = w.dirty[count:]
}

// crash loses the plan and what was not saved, and restores.
func (w *world) crash(t tester, canceled bool) {
	t.Helper()
	w.dirty, w.pending, w.done = nil, nil, nil
	var tasks []*pipelinev1.Task
	for _, task := range w.saved {
		tasks = append(tasks, task)
	}
	w.plan = w.newPlan()
	w.absorb(t, w.plan.Restore(tasks, canceled, w.tick()))
}

// retry saves what is left to be saved of a run that has ended, and takes it up
// again.
func (w *world) retry(t tester) {
	t.Helper()
	w.save(len(w.dirty))
	w.retries++
	w.crash(t, false)
}

// run finishes attempts, oldest first, until the run has ended.
func (w *world) run(t tester) *Outcome {
	t.Helper()
	w.start(t)
	w.drive(t)
	return w.done
}

func (w *world) drive(t tester) {
	t.Helper()
	for w.done == nil {
		if len(w.pending) == 0 {
			t.Fatalf("nothing runs and the run has not ended: %v", w.states())
		}
		w.finish(t, 0)
	}
	w.checkEnd(t)
}

// checkEnd checks that every task ended, as it was saved if it was, and that
// nothing is left to run.
func (w *world) checkEnd(t tester) {
	t.Helper()
	for path, s := range w.states() {
		if !slices.Contains(terminal, s) {
			t.Fatalf("task %q is %s though the run has ended", path, s)
		}
	}
	for id, saved := range w.saved {
		if int(saved.GetRunRetries()) != w.retries {
			continue // it tells of an earlier time
		}
		was, is := saved.GetDetail().GetState(), w.plan.Task(id).GetDetail().GetState()
		if slices.Contains(terminal, was) {
			if was != is {
				t.Fatalf("task %q was saved as %s and ended %s", saved.GetPath(), was, is)
			}
		} else if n := int(saved.GetAttempts()); begun(saved) && !w.ended[Attempt{TaskID: id, Number: n}] {
			t.Fatalf("attempt %d of %q still runs though the run has ended", n, saved.GetPath())
		}
	}
	if len(w.pending) > 0 {
		t.Fatalf("%q still runs though the run has ended", w.pending[0].Path)
	}
}

// states returns the state of every task by path.
func (w *world) states() map[string]pipelinev1.RuntimeState {
	states := map[string]pipelinev1.RuntimeState{}
	for id, n := range w.plan.nodes {
		states[n.path] = w.plan.State(id)
	}
	return states
}

// launches returns the paths of the attempts in the order in which they started.
func (w *world) launches() []string {
	var paths []string
	for _, l := range w.order {
		paths = append(paths, l.Path)
	}
	return paths
}
