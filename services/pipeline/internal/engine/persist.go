package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/store"
)

// The wait between tries, which doubles from the first to the last.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 5 * time.Second
)

// mostFailures is how often in a row a call may fail for no known reason.
const mostFailures = 8

// persist calls again what failed because something could not be reached, had no
// room or did not answer in time, until it answers or ctx ends; and a few times
// what failed for no known reason. Any other error is returned at once.
func persist(ctx context.Context, call func(context.Context) error) error {
	wait, failures := firstWait, 0
	for {
		err := call(ctx)
		if fault.Is(err, fault.Internal) {
			failures++
		}
		if err == nil || !mayPass(ctx, err) && (!fault.Is(err, fault.Internal) || failures >= mostFailures) {
			return err
		}
		if !pause(ctx, wait/2+rand.N(wait)) {
			return err
		}
		wait = min(2*wait, lastWait)
	}
}

// mayPass reports whether a call that failed may succeed unchanged. A call that
// was given up although ctx lives ran into its own deadline.
func mayPass(ctx context.Context, err error) bool {
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Canceled) && ctx.Err() == nil || full(err)
}

func full(err error) bool {
	f, ok := errors.AsType[*fault.Error](err)
	return ok && f.Reason == store.ReasonFull
}

// final reports whether an error of a write would be the same however often it
// was tried: not that ctx ended, nor that another leads or the run has gone.
func final(ctx context.Context, err error) bool {
	return ctx.Err() == nil && !mayPass(ctx, err) && !fault.Is(err, fault.Conflict) && !fault.Is(err, fault.NotFound) &&
		!fault.Is(err, fault.AlreadyExists)
}
