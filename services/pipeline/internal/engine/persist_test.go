package engine

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

func TestPersistOutlastsWhatMayPass(t *testing.T) {
	for _, tc := range []struct {
		name string
		kind fault.Kind
		want int // calls made when the third would succeed
	}{
		{"unreachable", fault.Unavailable, 3},
		{"out of time", fault.Canceled, 3},
		{"failed for no known reason", fault.Internal, 3},
		{"refused", fault.Invalid, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				err := persist(t.Context(), func(context.Context) error {
					calls++
					if calls < 3 {
						return fault.New(tc.kind, "call %d", calls)
					}
					return nil
				})
				if calls != tc.want || (err == nil) != (tc.want == 3) {
					t.Errorf("%d calls and %v, want %d calls", calls, err, tc.want)
				}
			})
		})
	}
}

func TestPersistOutlastsAFullStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := persist(t.Context(), func(context.Context) error {
			if calls++; calls < 50 {
				return fault.Exhaustedf("no room").WithReason(store.ReasonFull)
			}
			return nil
		})
		if calls != 50 || err != nil {
			t.Errorf("%d calls and %v", calls, err)
		}
	})
}

func TestPersistGivesUpOnWhatKeepsFailing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		err := persist(t.Context(), func(context.Context) error {
			calls++
			return fault.Internalf(nil, "broken")
		})
		if calls != mostFailures || !final(t.Context(), err) {
			t.Errorf("%d calls and %v", calls, err)
		}
	})
}

func TestPersistEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	gone := fault.New(fault.Canceled, "given up")
	if err := persist(ctx, func(context.Context) error { return gone }); err != gone { //nolint:errorlint // the very error
		t.Errorf("got %v, want the call's own error", err)
	}
}
