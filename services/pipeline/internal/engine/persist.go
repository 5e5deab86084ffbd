package engine

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// The wait between tries, which doubles from the first to the last.
const (
	firstWait = 20 * time.Millisecond
	lastWait  = 5 * time.Second
)

// persist calls again what failed because something could not be reached, or did
// not answer in time, until it answers or ctx ends. Any other error is returned
// at once.
func persist(ctx context.Context, call func(context.Context) error) error {
	wait := firstWait
	for {
		err := call(ctx)
		if err == nil || !mayPass(ctx, err) {
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
	return fault.Is(err, fault.Unavailable) || fault.Is(err, fault.Canceled) && ctx.Err() == nil
}
