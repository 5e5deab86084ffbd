package tracking

import (
	"context"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
	"github.com/kfmesh/kfmesh/internal/trackid"
)

// A run that stands for a task of a pipeline is written a moment after the task
// was started, so the task may come first.
const (
	patience  = time.Second
	lookAgain = 20 * time.Millisecond
)

// awaitRun calls fn, and again while it does not find a run that is about to be
// there.
func (s *Store) awaitRun(ctx context.Context, id string, fn func() error) error {
	err := fn()
	if !fault.Is(err, fault.NotFound) || !trackid.Derived(id) {
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
