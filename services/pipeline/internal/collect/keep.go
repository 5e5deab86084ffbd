package collect

import (
	"context"
	"log/slog"
	"time"

	metav1 "github.com/kfmesh/kfmesh/gen/kfmesh/meta/v1"
)

// settle is how long services that start together are given before the first
// collection.
const settle = time.Minute

// Keep ends what an earlier leader may have left, and then, where retention is
// set, collects soon and at every interval until ctx ends.
func (c *Collector) Keep(ctx context.Context, interval time.Duration, log *slog.Logger) {
	if err := c.Resume(ctx); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "artifacts of runs that are gone could not be removed", "error", err)
	}
	if !c.deps.Retention.Any() {
		return
	}
	next := time.NewTimer(min(settle, interval))
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
		c.collectOnce(ctx, log)
		next.Reset(interval)
	}
}

func (c *Collector) collectOnce(ctx context.Context, log *slog.Logger) {
	count, bytes := 0, int64(0)
	err := c.Collect(ctx, false, func(g *metav1.Garbage) error {
		count++
		bytes += g.GetBytes()
		return nil
	})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		log.WarnContext(ctx, "housekeeping was cut short", "removed", count, "error", err)
	case count > 0:
		log.InfoContext(ctx, "housekeeping", "removed", count, "bytes", bytes)
	}
}
