package tracking

import (
	"context"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// A run that stands for a task of a pipeline is written a moment after the task
// was started, so the task may come first.
const (
	derivedDigit = 12 // index of the digit that is '8' in an id that was derived
	patience     = time.Second
	lookAgain    = 20 * time.Millisecond
)

// awaitRun calls fn, and again while it does not find a run that is about to be
// there.
func (s *Store) awaitRun(ctx context.Context, id string, fn func() error) error {
	err := fn()
	if !fault.Is(err, fault.NotFound) || !derived(id) {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for fault.Is(err, fault.NotFound) {
		select {
		case <-tick.C:
			err = fn()
		case <-ctx.Done():
			return err
		}
	}
	return err
}

// derived reports whether an id was made of another.
func derived(id string) bool { return len(id) == 32 && id[derivedDigit] == '8' }
