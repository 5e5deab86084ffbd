package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// How the head looks for stored checkpoints that no workload keeps any more.
const (
	sweepEvery = time.Hour
	sweepAfter = time.Hour // what was written since may be of a node that has not heard of a deletion
)

// keepSweeping removes, until ctx ends, what a head that was killed has left in the object
// store, and what a node has stored that had not heard of a deletion.
func (e *Engine) keepSweeping(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := e.SweepCheckpoints(ctx, time.Now()); err != nil && ctx.Err() == nil {
			e.Log.WarnContext(ctx, "stored checkpoints that nothing keeps are not removed", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// SweepCheckpoints removes stored checkpoints that no workload keeps, that were not left on
// purpose, and that were not written to for sweepAfter.
func (e *Engine) SweepCheckpoints(ctx context.Context, now time.Time) error {
	var errs []error
	for namespace, err := range e.Objects.Children(ctx, checkpointsKey) {
		if err != nil {
			return err
		}
		for keep, err := range e.Objects.Children(ctx, path.Join(checkpointsKey, namespace.Name)) {
			if err != nil {
				return err
			}
			errs = append(errs, e.sweepStored(ctx, namespace.Name, keep.Name, now))
		}
	}
	return errors.Join(errs...)
}

func (e *Engine) sweepStored(ctx context.Context, namespace, keep string, now time.Time) error {
	wanted := func() bool {
		_, err := os.Lstat(e.leftMark(namespace, keep))
		return !errors.Is(err, fs.ErrNotExist) || e.keeps()[filepath.Join(e.keptDir(), namespace, keep)]
	}
	key := keptKey(namespace, keep)
	files, err := e.Objects.Files(ctx, e.Objects.URI(key))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if now.Sub(f.Modified) < sweepAfter {
			return nil
		}
	}
	if wanted() {
		return nil
	}
	return e.Objects.RemoveTree(ctx, key)
}
