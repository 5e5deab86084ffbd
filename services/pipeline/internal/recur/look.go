package recur

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/rpc"
	"github.com/kfmesh/kfmesh/internal/store"
	"github.com/kfmesh/kfmesh/services/pipeline/internal/state"
)

// look does what is to be done about one recurring run and returns when to look
// again, zero for when it changes.
func (e *Engine) look(ctx context.Context, id string, guard []store.Op) time.Time {
	wake, err := e.act(ctx, id, guard)
	if err == nil {
		delete(e.failures, id)
		return wake
	}
	if ctx.Err() == nil && !fault.Is(err, fault.Conflict) {
		e.deps.Log.WarnContext(ctx, "a recurring run could not be looked after; trying again", "recurring_run", id, "error", err)
	}
	wait := min(firstWait<<min(e.failures[id], 16), lastWait)
	e.failures[id]++
	return time.Now().Add(wait/2 + rand.N(wait))
}

// act makes the run that is due, if one is and there is room for it. A commit
// that held changes the recurring run, which brings about the next look.
func (e *Engine) act(ctx context.Context, id string, guard []store.Op) (wake time.Time, err error) {
	item, err := e.deps.State.Recurring.Get(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	now := time.Now()
	todo, err := decide(item.Value, now)
	if err != nil || todo.due.IsZero() {
		return todo.wake, err
	}
	running, err := e.running(ctx, item.Value.GetActiveRunIds())
	if err != nil || int64(len(running)) >= item.Value.GetRecurringRun().GetMaxConcurrency() {
		return time.Time{}, err
	}
	err = e.makeRun(ctx, item, todo.due, running, guard)
	switch {
	case err == nil, fault.Is(err, fault.Conflict), fault.Is(err, fault.Unavailable), fault.Is(err, fault.Canceled):
		return time.Time{}, err
	case fault.Is(err, fault.AlreadyExists): // it was made before
		return time.Time{}, e.passOver(ctx, item, todo.due, guard)
	case refused(err):
		return time.Time{}, e.fail(ctx, item, timestamppb.New(missed(item.Value, todo.due, now)), err, guard)
	}
	// Whether it will pass nobody knows, so the time is not given up.
	return time.Time{}, cmp.Or(e.fail(ctx, item, item.Value.GetLastTime(), err, guard), err)
}

// running returns those of the runs that have not ended.
func (e *Engine) running(ctx context.Context, ids []string) ([]string, error) {
	var running []string
	for _, id := range ids {
		run, err := e.deps.State.Runs.Get(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return nil, err
		case !state.Terminal(run.Value.GetRun().GetState()):
			running = append(running, id)
		}
	}
	return running, nil
}

// refused reports whether what failed would fail again unchanged.
func refused(err error) bool {
	return fault.Is(err, fault.Invalid) || fault.Is(err, fault.NotFound) || fault.Is(err, fault.Precondition) || fault.Is(err, fault.Exhausted)
}

// makeRun has a run made, and noted in the same commit.
func (e *Engine) makeRun(ctx context.Context, item store.Item[*pipelinev1.RecurringRunState], due time.Time, running []string, guard []store.Op) error {
	order := Order{Of: item.Value, RunID: RunID(item.Key, due), Time: due, Index: item.Value.GetIndex() + 1}
	made := proto.CloneOf(item.Value)
	made.LastTime = timestamppb.New(due)
	made.Index = order.Index
	made.ActiveRunIds = append(running, order.RunID)
	made.RecurringRun.LastRunAt = made.LastTime
	made.RecurringRun.Error = nil
	note := e.deps.State.Recurring.UpdateOp(item.Key, made, item.Revision)
	return e.deps.Maker.MakeRun(ctx, order, append(slices.Clip(guard), note)...)
}

// passOver makes no run for the times up to one.
func (e *Engine) passOver(ctx context.Context, item store.Item[*pipelinev1.RecurringRunState], last time.Time, guard []store.Op) error {
	passed := proto.CloneOf(item.Value)
	passed.LastTime = timestamppb.New(last)
	return e.update(ctx, item, passed, guard)
}

// fail records why no run was made, and makes none for the times up to one. The
// log hears of it when it is news.
func (e *Engine) fail(
	ctx context.Context, item store.Item[*pipelinev1.RecurringRunState], last *timestamppb.Timestamp, why error, guard []store.Op,
) error {
	failed := proto.CloneOf(item.Value)
	failed.LastTime = last
	failed.RecurringRun.Error = rpc.Status(why).Proto()
	if proto.Equal(failed, item.Value) {
		return nil
	}
	if !proto.Equal(failed.GetRecurringRun().GetError(), item.Value.GetRecurringRun().GetError()) {
		e.deps.Log.WarnContext(ctx, "a recurring run could not make a run", "recurring_run", item.Key, "error", why)
	}
	return e.update(ctx, item, failed, guard)
}

func (e *Engine) update(ctx context.Context, item store.Item[*pipelinev1.RecurringRunState], to *pipelinev1.RecurringRunState, guard []store.Op) error {
	_, err := e.deps.State.Backend.Commit(ctx, append(slices.Clip(guard), e.deps.State.Recurring.UpdateOp(item.Key, to, item.Revision))...)
	return err
}
