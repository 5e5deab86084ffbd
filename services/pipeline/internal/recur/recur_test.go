package recur

import (
	"errors"
	"slices"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	pipelinev1 "github.com/kfmesh/kfmesh/gen/kfmesh/pipeline/v1"
	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func TestRunsAreMadeOnTime(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lead()
		w.create("r", nil)
		w.pass(59 * time.Second)
		w.want()
		w.pass(time.Second)
		w.want(1)
		w.pass(2 * time.Minute)
		w.want(1, 2, 3)
		of := w.get("r")
		if of.GetIndex() != 3 || !of.GetRecurringRun().GetLastRunAt().AsTime().Equal(w.made()[2].Time) {
			t.Errorf("after three runs it is %v", of)
		}
		for i, order := range w.made() {
			if order.Index != int64(i+1) || order.RunID != RunID("r", order.Time) {
				t.Errorf("order %d is %+v", i, order)
			}
		}
	})
}

func TestWhatWasMissedIsCaughtUpWith(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create("all", nil)
		w.create("last", func(r *pipelinev1.RecurringRun) { r.NoCatchup = true })
		w.pass(3*time.Minute + 30*time.Second)
		w.lead()
		made := map[string][]int{}
		for i, order := range w.made() {
			id := order.Of.GetRecurringRun().GetRecurringRunId()
			made[id] = append(made[id], w.minutes()[i])
		}
		if !slices.Equal(made["all"], []int{1, 2, 3}) || !slices.Equal(made["last"], []int{3}) {
			t.Errorf("made were %v", made)
		}
		w.pass(30 * time.Second)
		if len(w.made()) != 6 {
			t.Errorf("then there were %d runs, want both to go on", len(w.made()))
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	for name, archived := range map[string]bool{"ended": false, "archived": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.lead()
				w.create("r", func(r *pipelinev1.RecurringRun) { r.MaxConcurrency = 2 })
				w.pass(5 * time.Minute)
				w.want(1, 2)
				w.lead() // another replica takes over and holds to it
				w.want(1, 2)
				w.end(w.made()[0].RunID, archived)
				w.want(1, 2, 3)
				w.end(w.made()[2].RunID, archived)
				w.want(1, 2, 3, 4)
				if active := w.get("r").GetActiveRunIds(); len(active) != 2 {
					t.Errorf("active are %v", active)
				}
			})
		})
	}
}

func TestDisabledMakesNone(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lead()
		w.create("r", nil)
		w.pass(time.Minute)
		w.change("r", func(r *pipelinev1.RecurringRun) { r.Status = pipelinev1.RecurringRun_DISABLED })
		w.pass(2*time.Minute + time.Second)
		w.want(1)
		w.change("r", func(r *pipelinev1.RecurringRun) { r.Status = pipelinev1.RecurringRun_ENABLED })
		w.want(1, 2, 3)
		if err := w.state.Recurring.Delete(t.Context(), "r", -1); err != nil {
			t.Fatal(err)
		}
		w.pass(5 * time.Minute)
		w.want(1, 2, 3)
	})
}

func TestTheEndIsTheEnd(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lead()
		w.create("r", func(r *pipelinev1.RecurringRun) {
			r.Trigger.GetPeriodicSchedule().EndTime = timestamppb.New(time.Now().Add(2 * time.Minute))
		})
		w.pass(time.Hour)
		w.want(1, 2)
	})
}

// TestARefusalIsRecordedAndPassedOver also shows that a failure with many missed
// times costs one try and not one for each.
func TestARefusalIsRecordedAndPassedOver(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create("r", nil)
		w.pass(5*time.Minute + 30*time.Second)
		w.fail(fault.Invalidf("pipeline_version_reference.pipeline_id", "there is no pipeline"))
		w.lead()
		of := w.get("r")
		if of.GetRecurringRun().GetError().GetCode() != int32(codes.InvalidArgument) || of.GetIndex() != 0 {
			t.Errorf("it is %v", of)
		}
		w.fail(nil)
		w.pass(20 * time.Second)
		w.want()
		w.pass(10 * time.Second)
		w.want(6)
		if of := w.get("r"); of.GetRecurringRun().GetError() != nil || of.GetIndex() != 1 {
			t.Errorf("after a run it is %v", of)
		}
	})
}

func TestWhatIsOutOfReachIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		broken error
		shown  bool
	}{
		"unavailable": {fault.Unavailablef("no answer"), false},
		"conflict":    {fault.Conflictf("changed"), false},
		"damaged":     {fault.Internalf(nil, "the spec is damaged"), true},
		"unknown":     {errors.New("no idea"), true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.lead()
				w.create("r", nil)
				w.fail(test.broken)
				w.pass(2*time.Minute + 30*time.Second)
				w.want()
				if shown := w.get("r").GetRecurringRun().GetError() != nil; shown != test.shown {
					t.Errorf("that it fails is shown: %t", shown)
				}
				w.fail(nil)
				w.pass(2 * time.Minute)
				w.want(1, 2, 3, 4)
				if why := w.get("r").GetRecurringRun().GetError(); why != nil {
					t.Errorf("after runs it still says %v", why)
				}
			})
		})
	}
}

// TestALostAnswerMakesNoSecondRun is the crash between the commit and what would
// have followed from it.
func TestALostAnswerMakesNoSecondRun(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lead()
		w.create("r", nil)
		w.loseAnswers(true)
		w.pass(time.Minute + 30*time.Second)
		w.lead()
		w.loseAnswers(false)
		w.pass(time.Minute)
		w.want(1, 2)
	})
}

func TestAnOldCopyFindsTheFirst(t *testing.T) {
	inWorld(t, func(w *world) {
		w.lead()
		w.create("r", nil)
		before := w.get("r")
		w.pass(2 * time.Minute)
		w.want(1, 2)
		w.stop()
		if _, err := w.state.Recurring.Update(t.Context(), "r", before, -1); err != nil {
			t.Fatal(err)
		}
		w.lead()
		w.want(1, 2)
		w.pass(time.Minute)
		w.want(1, 2, 3)
	})
}

// TestALostLeadMakesNoRun has the guard of a leader that was replaced.
func TestALostLeadMakesNoRun(t *testing.T) {
	inWorld(t, func(w *world) {
		w.create("r", nil)
		w.pass(time.Minute)
		e := New(Deps{State: w.state, Maker: w})
		fence := w.state.Recurring.UpdateOp("fence", &pipelinev1.RecurringRunState{}, 7)
		fence.Check = true
		if _, err := e.act(t.Context(), "r", []store.Op{fence}); !fault.Is(err, fault.Conflict) {
			t.Errorf("got %v, want a conflict", err)
		}
		w.want()
	})
}

func TestAgenda(t *testing.T) {
	t.Parallel()
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	a := agenda{}
	if wait := a.wait(now, time.Minute); wait != time.Minute {
		t.Errorf("an empty one waits %s", wait)
	}
	a.put("later", now.Add(time.Second))
	a.put("b", now)
	a.put("a", now.Add(-time.Second))
	a.put("a", now.Add(time.Hour))
	if due := a.take(now); !slices.Equal(due, []string{"a", "b"}) {
		t.Errorf("due are %v", due)
	}
	if wait := a.wait(now, time.Minute); wait != time.Second {
		t.Errorf("the last waits %s", wait)
	}
}
