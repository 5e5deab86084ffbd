package recur

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// world is an engine over memory, in a bubble whose time begins at midnight of
// 2000-01-01 UTC.
type world struct {
	t     *testing.T
	state *state.State
	stop  func()

	mu     sync.Mutex
	orders []Order // guarded by mu; made
	broken error   // guarded by mu; what making a run fails with, before anything is stored
	lost   bool    // guarded by mu; whether the answer to a commit gets lost
}

// inWorld runs a test in a bubble of its own.
func inWorld(t *testing.T, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, state: state.New(store.NewMemory()), stop: func() {}}
		defer func() { w.stop() }()
		test(w)
	})
}

// MakeRun implements Maker.
func (w *world) MakeRun(ctx context.Context, order Order, with ...store.Op) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return w.broken
	}
	run := &pipelinev1.RunState{Run: &pipelinev1.Run{
		RunId: order.RunID, RecurringRunId: order.Of.GetRecurringRun().GetRecurringRunId(), State: pipelinev1.RuntimeState_PENDING,
	}}
	_, err := w.state.Backend.Commit(ctx, append(with, w.state.Runs.CreateOp(order.RunID, run))...)
	if err == nil {
		w.orders = append(w.orders, order)
	}
	if w.lost {
		return fault.Unavailablef("the store went away")
	}
	return err
}

// lead lets an engine lead until the next one does, or until stop.
func (w *world) lead() {
	w.stop()
	var engine *Engine
	recurring := store.NewCache(w.state.Recurring, nil, func(u []store.Update[*pipelinev1.RecurringRunState]) { engine.Observe(u) })
	runs := store.NewCache(w.state.Runs, nil, func(u []store.Update[*pipelinev1.RunState]) { engine.ObserveRuns(u) })
	engine = New(Deps{State: w.state, Recurring: recurring, Maker: w, Log: slog.New(slog.DiscardHandler)})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { _ = recurring.Run(ctx) }() // ends with ctx's error
	go func() { _ = runs.Run(ctx) }()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("the engine ended with %v", err)
		}
		synctest.Wait()
		w.stop = func() {}
	}
	synctest.Wait()
}

// create stores a recurring run that makes a run every minute, or as changed.
func (w *world) create(id string, change func(*pipelinev1.RecurringRun)) {
	w.t.Helper()
	of := &pipelinev1.RecurringRun{
		RecurringRunId: id, DisplayName: id, MaxConcurrency: 10,
		Status: pipelinev1.RecurringRun_ENABLED, CreatedAt: timestamppb.Now(),
		Trigger: &pipelinev1.Trigger{Trigger: &pipelinev1.Trigger_PeriodicSchedule{
			PeriodicSchedule: &pipelinev1.PeriodicSchedule{IntervalSecond: 60},
		}},
	}
	if change != nil {
		change(of)
	}
	if _, err := w.state.Recurring.Create(w.t.Context(), id, &pipelinev1.RecurringRunState{RecurringRun: of}); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	<-time.After(d) // of the bubble
	synctest.Wait()
}

func (w *world) get(id string) *pipelinev1.RecurringRunState {
	w.t.Helper()
	item, err := w.state.Recurring.Get(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return item.Value
}

func (w *world) change(id string, change func(*pipelinev1.RecurringRun)) {
	w.t.Helper()
	_, err := w.state.Recurring.Modify(w.t.Context(), id, func(of *pipelinev1.RecurringRunState) (bool, error) {
		change(of.GetRecurringRun())
		return true, nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// end has a run end: it succeeds, and leaves the store when archived.
func (w *world) end(id string, archived bool) {
	w.t.Helper()
	item, err := w.state.Runs.Modify(w.t.Context(), id, func(run *pipelinev1.RunState) (bool, error) {
		run.Run.State = pipelinev1.RuntimeState_SUCCEEDED
		return true, nil
	})
	if err == nil && archived {
		err = w.state.Runs.Delete(w.t.Context(), id, item.Revision)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// fail sets what making a run fails with, nil for nothing.
func (w *world) fail(with error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = with
}

// loseAnswers says whether answers to commits get lost.
func (w *world) loseAnswers(yes bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lost = yes
}

// made are the orders carried out so far.
func (w *world) made() []Order {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.orders)
}

// minutes are the times of all orders, in minutes after midnight.
func (w *world) minutes() []int {
	midnight := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	all := []int{}
	for _, order := range w.made() {
		all = append(all, int(order.Time.Sub(midnight)/time.Minute))
	}
	return all
}

func (w *world) want(minutes ...int) {
	w.t.Helper()
	got := w.minutes()
	if !slices.Equal(got, minutes) {
		w.t.Fatalf("runs were made for minutes %v, want %v", got, minutes)
	}
}
