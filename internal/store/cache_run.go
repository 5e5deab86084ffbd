package store

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/kfmesh/kfmesh/internal/fault"
)

// The pause before a lost watch is taken up again, which doubles up to the
// longest while the store cannot be reached.
const (
	shortestRelist = 20 * time.Millisecond
	longestRelist  = 5 * time.Second
)

// run lists and watches until ctx ends or a value cannot be read.
func (s *cacheState[M]) run(ctx context.Context, col *Collection[M]) error {
	pause := shortestRelist
	for {
		progressed, err := s.follow(ctx, col)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if fault.Is(err, fault.Internal) {
			return err
		}
		if progressed {
			pause = shortestRelist
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return ctx.Err()
		}
		pause = min(2*pause, longestRelist)
	}
}

// follow lists once and then watches until the watch is lost. It says whether
// it came as far as to watch.
func (s *cacheState[M]) follow(ctx context.Context, col *Collection[M]) (bool, error) {
	items, revision, err := col.list(ctx, "", s.out)
	if err != nil {
		return false, err
	}
	s.apply(s.difference(items), revision)
	watchCtx, stop := context.WithCancel(ctx)
	defer stop()
	batches, err := col.backend.Watch(watchCtx, col.prefix, revision)
	if err != nil {
		return false, err
	}
	for batch := range batches {
		updates, last, err := s.decode(col, batch)
		if err != nil {
			return true, err
		}
		s.apply(updates, last)
	}
	return true, nil
}

// decode turns a batch of changes into updates and returns the last revision in it. What is
// to be left out is deleted.
func (s *cacheState[M]) decode(col *Collection[M], batch []Change) ([]Update[M], int64, error) {
	updates := make([]Update[M], 0, len(batch))
	last := int64(0)
	for _, change := range batch {
		last = max(last, change.Revision)
		if change.Deleted {
			updates = append(updates, Update[M]{Item: Item[M]{Key: change.Key[len(col.prefix):]}, Deleted: true})
			continue
		}
		item, err := col.decode(change.Entry)
		if err != nil {
			return nil, 0, err
		}
		updates = append(updates, Update[M]{Item: item, Deleted: s.out(item.Value)})
	}
	return updates, last, nil
}
